package runner

import "slices"

// Kind is one of Mailman's queue runners that mmrunner can take the place of.
type Kind struct {
	Name  string // the class name, e.g. "BounceRunner"
	Queue string // its queue's usual name, e.g. "bounces"
}

// Kinds are the runners that mmrunner takes the place of unless told otherwise, in
// the order in which their queues feed each other.
var Kinds = []Kind{{"BounceRunner", "bounces"}, {"CommandRunner", "commands"}, {"VirginRunner", "virgin"}}

// Names are the class names of Kinds.
func Names() []string {
	names := make([]string, len(Kinds))
	for i, k := range Kinds {
		names[i] = k.Name
	}
	return names
}

// Queues are the queues' directories of Kinds by their usual names; dir gives a
// queue's directory.
func Queues(dir func(queue string) string) map[string]string {
	queues := make(map[string]string, len(Kinds))
	for _, k := range Kinds {
		queues[k.Queue] = dir(k.Queue)
	}
	return queues
}

// Outgoing is a runner that mmrunner takes the place of only where it is asked to.
var Outgoing = Kind{"OutgoingRunner", "out"}

// Known tells whether mmrunner can take the place of the runner of that class name.
func Known(name string) bool { return name == Outgoing.Name || slices.Contains(Names(), name) }
