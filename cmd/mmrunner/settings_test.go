package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/runner/settings"
)

// settingNames are the names in the file of what a struct holds.
func settingNames(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		names = append(names, f.Tag.Get("toml"))
		if f.Type.Kind() == reflect.Struct {
			names = append(names, settingNames(f.Type)...)
		}
	}
	return names
}

func TestEverySettingIsInTheHelpAndTheManual(t *testing.T) {
	help, manual := newSettingsHelp().Long, manual(newRoot())
	for _, name := range settingNames(reflect.TypeFor[settings.Settings]()) {
		for where, text := range map[string]string{"help settings": help, "mmrunner.8": manual} {
			if !strings.Contains(text, name) {
				t.Errorf("%s does not name %s", where, name)
			}
		}
	}
}
