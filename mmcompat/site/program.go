package site

import "os/exec"

// programVariable is where an interpreter finds its program. As an argument it would fill the screen of whoever lists
// processes, and standard input is for what the program is asked.
const programVariable = "MMRUNNER_PROGRAM"

// Program is a command that has a Python 2 run a program with arguments, sys.argv[1:], its output unbuffered. The
// purpose is what a list of processes shows of it, as a comment in Python.
func Program(interpreter, purpose, text string, args ...string) *exec.Cmd {
	begin := "import os; exec os.environ.pop('" + programVariable + "')  # " + purpose
	cmd := exec.Command(interpreter, append([]string{"-u", "-B", "-c", begin}, args...)...)
	cmd.Env = append(cmd.Environ(), programVariable+"="+text)
	return cmd
}
