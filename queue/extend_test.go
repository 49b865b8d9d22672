package queue_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"idphoto/queue"
)

func TestChildrenHaveTheSameIDsInEveryAttempt(t *testing.T) {
	parent := queue.NewID()
	var ids []string
	for n := 1; n <= 300; n++ {
		id, err := queue.ChildID(parent, n)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := queue.ChildID(parent, n)
		u, err := uuid.Parse(id)
		if err != nil || again != id || u.Version() != 7 || u.Variant() != uuid.RFC4122 || !strings.HasPrefix(id, parent[:13]) {
			t.Fatalf("child %d of %s is %s, then %s; %v", n, parent, id, again, err)
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != 300 {
		t.Error("the ids do not sort by the children's number, or come twice")
	}
	if other, err := queue.ChildID(queue.NewID(), 1); err != nil || slices.Contains(ids, other) {
		t.Errorf("another parent's child is %s, %v", other, err)
	}
	for _, n := range []int{0, -1, 4096} {
		if id, err := queue.ChildID(parent, n); err == nil {
			t.Errorf("child %d is %s", n, id)
		}
	}
	if _, err := queue.ChildID("no id", 1); err == nil {
		t.Error("what is no id has a child")
	}
}
