package lmtp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// socketsVariable is where a program finds the sockets of the one whose place it takes in the same process. Mail
// servers that connect meanwhile only wait, where a socket that was closed and opened anew would refuse them.
const socketsVariable = "MMRUNNER_SOCKETS"

// passedSockets are the listening sockets in that variable, as JSON.
type passedSockets struct {
	Mail []uintptr `json:"mail"` // descriptors
	Maps []uintptr `json:"socketmap"`
	Own  bool      `json:"own"` // mmrunner has made them, and removes their paths in the end
}

// keptSockets are sockets that outlive their listeners.
type keptSockets struct {
	mail, maps []*os.File
	own        bool
}

// keep duplicates the sockets of listeners that are about to be closed. A socket's path stays too.
func keep(listeners []net.Listener) (all []*os.File, err error) {
	for _, l := range listeners {
		socket, ok := l.(interface{ File() (*os.File, error) })
		if !ok {
			return all, fmt.Errorf("%v: got a %T, need a socket", l.Addr(), l)
		}
		file, err := socket.File()
		if err != nil {
			return all, err
		}

		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		all = append(all, file)
	}

	return all, nil
}

// keepSockets keeps the service's sockets.
func (s *Service) keepSockets(mail, maps []net.Listener, own bool) error {
	var err1, err2 error
	s.kept.own = own
	s.kept.mail, err1 = keep(mail)
	s.kept.maps, err2 = keep(maps)
	return errors.Join(err1, err2)
}

// PassOn has a program that is executed next in this process find the sockets that Run has kept.
func (s *Service) PassOn() error {
	mail, err1 := inheritable(s.kept.mail)
	maps, err2 := inheritable(s.kept.maps)
	b, err3 := json.Marshal(passedSockets{Mail: mail, Maps: maps, Own: s.kept.own})
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	return os.Setenv(socketsVariable, string(b))
}

// inheritable has descriptors stay open when a program is executed.
func inheritable(files []*os.File) (all []uintptr, err error) {
	for _, f := range files {
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
			return all, err
		}
		all = append(all, f.Fd())
	}
	return all, nil
}

// passedOn returns the sockets that another program has passed on to this process, and whether they were mmrunner's
// own. No other process finds them again.
func passedOn() (mail, maps []net.Listener, own bool, err error) {
	text, ok := os.LookupEnv(socketsVariable)
	if !ok {
		return nil, nil, false, nil
	}
	if err := os.Unsetenv(socketsVariable); err != nil {
		return nil, nil, false, err
	}

	var passed passedSockets
	err = json.Unmarshal([]byte(text), &passed)
	if err == nil {
		mail, err = listenOn(passed.Mail, passed.Own)
	}
	if err == nil {
		maps, err = listenOn(passed.Maps, passed.Own)
	}
	if err != nil {
		return nil, nil, false, fmt.Errorf("$%s: %w", socketsVariable, err)
	}

	return mail, maps, passed.Own, nil
}

// listenOn returns listeners for the descriptors of listening sockets.
func listenOn(fds []uintptr, own bool) (all []net.Listener, err error) {
	for _, fd := range fds {
		file := os.NewFile(fd, "socket")
		if file == nil {
			return all, fmt.Errorf("got %d, need a descriptor", fd)
		}

		// The listener has a descriptor of its own, which is closed on exec.
		l, err := net.FileListener(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return all, err
		}

		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(own)
		}
		all = append(all, l)
	}

	return all, nil
}
