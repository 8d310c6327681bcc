// Package status is in charge of what an administrator wants to see of a site at
// a glance: the queues of both runners, the processes that work on them, the list
// locks, what crashed processes have left, and the last commits. It only looks.
package status
