// Package torture shows that nothing is lost and nothing is done
// twice: it makes small sites with full queues, has a process work on them that
// is killed, or fails, or whose machine loses its power, has another finish the
// work, and compares what came of it with what a process makes of the same site
// without any disturbance.
package torture
