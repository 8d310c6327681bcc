package lmtp

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

// Usual addresses of the server and of its socketmap: this machine only. Mailman 3
// has its LMTP server at the same port.
const (
	UsualAddress   = "127.0.0.1:8024"
	UsualSocketmap = "127.0.0.1:8025"
)

// socketMode lets every mail server of the machine connect, as loopback TCP does.
const socketMode = 0o666

// Listen listens on HOST:PORT or, for an address with a slash, on a Unix socket. A
// socket that a dead process has left is replaced. The error is for an address that
// is no such thing, is in use, or lies where others may replace it.
func Listen(address string) (net.Listener, error) {
	path := strings.TrimPrefix(address, "unix:")
	if !strings.Contains(path, "/") {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("address %q: %w; need HOST:PORT or the path of a socket", address, err)
		}

		if host == "" {
			host = "localhost"
		}
		return net.Listen("tcp", net.JoinHostPort(host, port))
	}

	// The socket's directory, which others must not write to.
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w; need a directory for the socket that the server's user may write to", err)
	} else if err == nil {
		// A directory with setgid above it, and the umask, must not make it another.
		if err := os.Chmod(dir, 0o755); err != nil {
			return nil, err
		}
	}

	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%s has mode %v, need a directory that only its owner may write to: others could put a socket in the place of %s",
			dir, info.Mode(), filepath.Base(path))
	}
	if err := removeDeadSocket(path); err != nil {
		return nil, err
	}

	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}

	return l, os.Chmod(path, socketMode)
}

// removeDeadSocket removes a socket on which no process listens.
func removeDeadSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is a file of mode %v, need a socket or nothing", path, info.Mode())
	}

	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return fmt.Errorf("%s: another process listens on it", path)
	}

	return os.Remove(path)
}

// inherited returns the sockets that systemd has opened for this process
// (sd_listen_fds(3)). One whose FileDescriptorName has "socketmap" in it is for the
// socketmap.
func inherited() (mail, maps []net.Listener, err error) {
	byName, err := activation.ListenersWithNames()
	if err != nil {
		return nil, nil, err
	}

	for name, listeners := range byName {
		for _, l := range listeners {
			switch {
			case l == nil:
				return nil, nil, fmt.Errorf("systemd's socket %s is no stream that can be accepted from", name)
			case strings.Contains(name, "socketmap"):
				maps = append(maps, l)
			default:
				mail = append(mail, l)
			}
		}
	}

	return mail, maps, nil
}
