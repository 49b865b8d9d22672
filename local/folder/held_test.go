package folder

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"idphoto/functions/batch"
	"idphoto/queue"
)

func heldNames(s Summary) (names []string) {
	for _, i := range s.Held {
		names = append(names, i.Name+" "+string(i.State)+" "+i.Code)
	}
	return names
}

// The operators of a server decide about a held photo; later runs ask what they found.
func TestWhatAServerHoldsIsFetchedOnceItIsAccepted(t *testing.T) {
	s := serve(t, batch.Options{})
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "photos")
	write(t, dir+"/good.png", face)
	for _, name := range []string{"a", "bb", "ccc"} {
		write(t, dir+"/"+name+".png", doubtful)
	}
	for range 2 {
		sum := s.run(t, Job{Dir: dir, Out: out})
		if sum.Made+sum.Kept != 1 || len(sum.Failures) != 0 || sum.Left != 0 || s.tasks.Load() != 4 ||
			!slices.Equal(heldNames(sum), []string{"a.png held matte_uncertain", "bb.png held matte_uncertain", "ccc.png held matte_uncertain"}) {
			t.Errorf("summary is %+v after %d tasks", sum, s.tasks.Load())
		}
		if got := files(t, out); got != "failures.csv, good.jpg" {
			t.Errorf("files are %s", got)
		}
		if table, _ := os.ReadFile(out + "/failures.csv"); strings.Count(string(table), "held: somebody looks at it,matte_uncertain,") != 3 {
			t.Errorf("the table is %s", table)
		}
	}
	st, err := readState(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ledger.Accept(t.Context(), st.Photos["a.png"].TaskID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ledger.Refuse(t.Context(), st.Photos["bb.png"].TaskID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ledger.Erase(t.Context(), st.Photos["ccc.png"].TaskID); err != nil {
		t.Fatal(err)
	}
	sum := s.run(t, Job{Dir: dir, Out: out})
	if sum.Made != 1 || sum.Kept != 1 || codes(sum) != "bb.png matte_uncertain" || !slices.Equal(heldNames(sum), []string{"ccc.png held matte_uncertain"}) || s.tasks.Load() != 5 {
		t.Errorf("after the looks: %+v after %d tasks; want a fetched, bb refused, ccc made anew", sum, s.tasks.Load())
	}
	if data, _ := os.ReadFile(out + "/a.jpg"); string(data) != jpegData {
		t.Errorf("the accepted photo is %q", data)
	}
	if sum := s.run(t, Job{Dir: dir, Out: out, Again: true}); codes(sum) != "" || len(sum.Held) != 2 || sum.Kept != 2 || s.tasks.Load() != 6 {
		t.Errorf("again: %+v after %d tasks", sum, s.tasks.Load())
	}
}

// Where nobody looks at what the server holds, the photos lie in a folder of their own, and what is done
// with them there decides.
func TestWhatIsHeldHereIsDecidedByItsFile(t *testing.T) {
	s := serve(t, batch.Options{})
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "photos")
	write(t, dir+"/a.png", doubtful)
	write(t, dir+"/bb.png", doubtful)
	write(t, dir+"/ccc.png", doubtful)
	write(t, dir+"/held/a.png", face) // its photo has the name that a's would have
	job := Job{Dir: dir, Out: out, Recursive: true, Forget: true, Release: func(ctx context.Context, id string) error {
		_, err := s.ledger.Accept(ctx, id)
		return err
	}}
	for range 2 {
		if sum := s.run(t, job); sum.Made+sum.Kept != 1 || len(sum.Held) != 3 || len(sum.Failures) != 0 || s.tasks.Load() != 4 || !strings.Contains(sum.Held[1].Message, "held/bb.jpg") {
			t.Errorf("summary is %+v after %d tasks", sum, s.tasks.Load())
		}
		if got := files(t, out); got != "failures.csv, held/a (2).jpg, held/a.jpg, held/bb.jpg, held/ccc.jpg" {
			t.Errorf("files are %s", got)
		}
	}
	if err := os.Rename(out+"/held/a (2).jpg", out+"/a.jpg"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(out + "/held/bb.jpg"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		sum := s.run(t, job)
		if sum.Made != 0 || sum.Kept != 2 || codes(sum) != "bb.png matte_uncertain" || len(sum.Held) != 1 || s.tasks.Load() != 4 {
			t.Errorf("after the looks: %+v after %d tasks", sum, s.tasks.Load())
		}
	}
	if got := files(t, out); got != "a.jpg, failures.csv, held/a.jpg, held/ccc.jpg" {
		t.Errorf("files are %s", got)
	}
	job.Again = true
	if sum := s.run(t, job); len(sum.Failures) != 0 || len(sum.Held) != 2 || s.tasks.Load() != 5 {
		t.Errorf("again: %+v after %d tasks", sum, s.tasks.Load())
	}
	counts, err := s.ledger.Counts(t.Context())
	if err != nil || counts[queue.Succeeded] != 5 {
		t.Errorf("the ledger has %v, %v", counts, err)
	}
}
