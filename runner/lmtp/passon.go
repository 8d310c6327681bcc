package lmtp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// socketsVariable is where a program finds the sockets of the one whose place it takes in the same process. Mail
// servers that connect meanwhile only wait, where a socket that was closed and opened anew would refuse them.
const socketsVariable = "MMRUNNER_SOCKETS"

// passedSocket is one listening socket in that variable, which has a list of them as JSON.
type passedSocket struct {
	FD   uintptr `json:"fd"`
	Maps bool    `json:"socketmap"` // it is for the socketmap
	Own  bool    `json:"own"`       // mmrunner has made it, and removes its path in the end
}

// keptSocket is a socket that outlives its listener.
type keptSocket struct {
	file *os.File
	passedSocket
}

// keepSockets duplicates the sockets of listeners that are about to be closed. A socket's path stays too.
func (s *Service) keepSockets(mail, maps []net.Listener, own bool) error {
	for i, l := range slices.Concat(mail, maps) {
		socket, ok := l.(interface{ File() (*os.File, error) })
		if !ok {
			return fmt.Errorf("%v: got a %T, need a socket", l.Addr(), l)
		}
		file, err := socket.File()
		if err != nil {
			return err
		}

		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		s.kept = append(s.kept, keptSocket{file, passedSocket{Maps: i >= len(mail), Own: own}})
	}

	return nil
}

// PassOn has a program that is executed next in this process find the sockets that Run has kept.
func (s *Service) PassOn() error {
	all := []passedSocket{}
	for i := range s.kept {
		k := &s.kept[i]
		k.FD = k.file.Fd()
		if _, err := unix.FcntlInt(k.FD, unix.F_SETFD, 0); err != nil {
			return err
		}
		all = append(all, k.passedSocket)
	}

	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.Setenv(socketsVariable, string(b))
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

	var all []passedSocket
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, nil, false, fmt.Errorf("$%s: %w", socketsVariable, err)
	}

	for _, p := range all {
		file := os.NewFile(p.FD, "socket")
		if file == nil {
			return nil, nil, false, fmt.Errorf("$%s: got %d, need a descriptor", socketsVariable, p.FD)
		}

		// The listener has a descriptor of its own, which is closed on exec.
		l, err := net.FileListener(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, nil, false, fmt.Errorf("$%s: %w", socketsVariable, err)
		}

		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(p.Own)
		}
		own = own || p.Own
		if p.Maps {
			maps = append(maps, l)
		} else {
			mail = append(mail, l)
		}
	}

	return mail, maps, own, nil
}
