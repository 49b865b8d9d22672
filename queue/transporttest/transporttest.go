// Package transporttest says what a transport must do for the queue, and tries it: the names of the
// subtests are the specification. Some promises are about messages. The others are about tasks, done
// by a real publisher, worker and janitor on a ledger in memory, while messages are dropped, doubled,
// reordered or die with a process: their end state is the same whatever the transport promises.
//
// A test binary that runs the suite calls Hold first in its TestMain.
package transporttest

import (
	"testing"
	"time"

	"idphoto/queue"
)

// Broker is one transport with fresh queues.
type Broker struct {
	Topics        map[string]string // URLs by lane
	Subscriptions map[string]string

	// Redelivery is how long a message takes at most to come again whose receiver went away.
	Redelivery time.Duration

	// InProcess says that other processes cannot reach it.
	InProcess bool
}

// Harness adapts one transport to the suite, and says what it does not promise.
type Harness struct {
	New func(t *testing.T) Broker // skips the test, with a reason, when there is no server

	AtMostOnce bool // a message is lost that nobody listens for or that a dead receiver held
	Hoards     bool // messages may wait at a receiver that is busy while another is idle
	NoPutBack  bool // a message cannot be given back: the worker acknowledges it, and the janitor sends it again
}

// Run tries every promise that the transport makes, and all about tasks.
func Run(t *testing.T, h Harness) {
	for _, promise := range []struct {
		name string
		made bool
		try  func(*testing.T, Broker)
	}{
		{"EverySentMessageArrives", true, everySentMessageArrives},
		{"WhatIsSentBeforeAnybodyListensArrives", !h.AtMostOnce, earlyMessagesArrive},
		{"TheMessageOfAKilledReceiverComesAgain", !h.AtMostOnce, killedReceiversMessageComesAgain},
		{"EachLaneHasItsOwnMessages", true, lanesDoNotMix},
		{"ABusyReceiverHoardsNothing", !h.Hoards, busyReceiverHoardsNothing},
		{"AMessagePutBackComesAgain", !h.NoPutBack, putBackComesAgain},
		{"AcknowledgementsHaveArrivedWhenCloseReturns", true, acksArriveBeforeCloseReturns},

		{"EachTaskIsDoneOnce", true, eachTaskIsDoneOnce},
		{"DoubledMessagesChangeNothing", true, doubledMessagesChangeNothing},
		{"DroppedMessagesAreMadeUpFor", true, droppedMessagesAreMadeUpFor},
		{"ReorderedMessagesChangeNothing", true, reorderedMessagesChangeNothing},
		{"UnreadableMessagesAreRecordedAndTheRestIsDone", true, unreadableMessagesAreRecorded},
		{"TasksSubmittedBeforeAnybodyListensAreDone", true, earlyTasksAreDone},
		{"TheTaskOfAReceiverKilledWithItsMessageIsDoneByAnother", true, killedReceiverLosesNothing},
	} {
		if promise.made {
			t.Run(promise.name, func(t *testing.T) { promise.try(t, h.New(t)) })
		}
	}
}

// lanes returns those that a broker has, the first to be served first.
func (b Broker) lanes() []string {
	var lanes []string
	for _, lane := range queue.Lanes {
		if b.Topics[lane] != "" {
			lanes = append(lanes, lane)
		}
	}
	return lanes
}
