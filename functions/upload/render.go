package upload

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"idphoto/functions/again"
	"idphoto/functions/api"
	"idphoto/functions/intake"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/spec"
	"idphoto/pipeline/touchup"
	"idphoto/queue"
)

// render takes an order for another photo of a task's picture. What the form leaves out is as it
// was; a new document comes with its own background and file size unless others are asked for.
func (f *Function) render(w http.ResponseWriter, r *http.Request) error {
	t, err := f.rows.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return problem.OfLedger(err)
	}
	order, err := again.Order(t)
	if err != nil {
		return fault.New(problem.NotFound, err)
	}
	if err := change(w, r, &order); err != nil {
		return err
	}
	chosen, err := photo.Choose(order)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storeTimeout)
	defer cancel()
	fresh, err := again.Prepare(ctx, f.blobs, t, chosen)
	if err == nil {
		fresh.Lane = queue.Express // somebody waits
		_, _, err = f.submit(ctx, fresh)
	}
	if err != nil {
		f.forget(ctx, fresh.ID)
		return err
	}
	api.NameTask(r.Context(), fresh.ID)
	return f.accept(w, r, accepted{TaskID: fresh.ID}, true)
}

// change reads what the form asks for instead.
func change(w http.ResponseWriter, r *http.Request, order *photo.Order) error {
	parts, err := intake.Parts(r, http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		return err
	}
	var seen []string
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fault.New(problem.BadRequest, err)
		}
		name := part.FormName()
		if !slices.Contains(photo.Fields, name) || slices.Contains(seen, name) {
			return intake.UnknownField(name)
		}
		seen = append(seen, name)
		value, err := intake.Option(part)
		if err != nil {
			return err
		}
		if name == "size_kb" && value == "" {
			order.File = picture.SizeRange{} // the document's own again
			continue
		}
		if err := order.Set(name, value); err != nil {
			return err
		}
	}
	if slices.Contains(seen, "size") {
		anew(order, seen)
	}
	return nil
}

// anew leaves to a new document what the form does not say: its background and file size are its
// own, and touch-ups of before go where it forbids them.
func anew(order *photo.Order, seen []string) {
	said := func(name string) bool { return slices.Contains(seen, name) }
	if !said("background") {
		order.Background = ""
	}
	if !said("size_kb") {
		order.File = picture.SizeRange{}
	}
	s, err := spec.Lookup(order.Size)
	if err == nil && s.PermitTouch() != nil && !slices.ContainsFunc(touchup.Fields, said) {
		order.Touch = touchup.Options{}
	}
}
