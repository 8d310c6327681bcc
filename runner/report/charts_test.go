package report

import "testing"

func TestScalesEndWithRoundNumbers(t *testing.T) {
	for most, want := range map[int]int{1: 2, 2: 2, 3: 4, 5: 6, 7: 10, 11: 20, 29: 40, 251: 400, 601: 1000, 1000: 1000} {
		if got := scaleFor(most); got != want || got%2 != 0 {
			t.Errorf("%d: got %d, need %d", most, got, want)
		}
	}
}
