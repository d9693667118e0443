package transfer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"bookstall/recommendations/internal/domain"
)

// doings are the interactions of a file, with their lines, in the order of the file.
type doings struct {
	file  *FileReport
	list  []domain.Interaction
	lines []int32
}

// readInteractions also accepts interactions with books that are not in the
// catalogue: a later catalogue may have them again.
func readInteractions(ctx context.Context, r *reporting, path string, visitors bool) (*doings, error) {
	now, d := time.Now(), &doings{}
	err := each(ctx, r, path, canonical(r.form.Interactions), func(i domain.Interaction, at place) error {
		if !visitors && domain.IsVisitor(i.UserID) {
			return at.visitor(i.UserID)
		}
		if i.At.IsZero() {
			i.At = now
		}
		d.list, d.lines = append(d.list, i), append(d.lines, int32(at.line))
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.file = r.plan.Files[len(r.plan.Files)-1]
	return d, nil
}

// takeInteractions adds the interactions of a file to the plan. An id that is stored, or on an
// earlier row, with other content makes a faulty row: as it was stored, it stays.
func (p *Plan) takeInteractions(ctx context.Context, r *reporting, into Importer, d *doings) error {
	wrong, err := d.conflicts(ctx, r, into)
	if err != nil {
		return err
	}
	p.Kinds = map[domain.Kind]int64{}
	for i, one := range d.list {
		reason, conflicts := wrong[i]
		if conflicts {
			err := place{d.file.Name, int(d.lines[i])}.wrong("id", reason)
			if r.strict {
				return err
			}
			d.file.fault(err)
			continue
		}
		r.use(one.UserID, one.BookID)
		p.req.Interactions = append(p.req.Interactions, one)
		p.Kinds[one.Kind]++
	}
	p.Interactions = int64(len(p.req.Interactions))
	if !p.restore { // an export is in order, also where its times are not
		slices.SortStableFunc(p.req.Interactions, func(a, b domain.Interaction) int { return a.At.Compare(b.At) })
	}
	return nil
}

// conflicts returns what is wrong with those interactions whose ids belong to others, by index,
// and counts those that are doubled.
func (d *doings) conflicts(ctx context.Context, r *reporting, into Importer) (map[int]string, error) {
	wrong := map[int]string{}
	if err := d.compareStored(ctx, r, into, wrong); err != nil {
		return nil, err
	}
	byID := make([]int32, len(d.list)) // smaller than a map of millions of ids
	for i := range byID {
		byID[i] = int32(i)
	}
	slices.SortFunc(byID, func(a, b int32) int { return cmp.Or(cmp.Compare(d.list[a].ID, d.list[b].ID), cmp.Compare(a, b)) })
	first := -1
	for _, at := range byID {
		i := int(at)
		switch {
		case wrong[i] != "": // another row may have what is stored
		case first < 0 || d.list[first].ID != d.list[i].ID:
			first = i
		case d.list[first].Same(d.list[i]):
			r.plan.Doubled++
		default:
			wrong[i] = fmt.Sprintf("%q is on line %d already, which is %s, and this is %s", d.list[i].ID, d.lines[first], r.describe(d.list[first]), r.describe(d.list[i]))
		}
	}
	return wrong, nil
}

// compareStored adds the interactions whose ids are stored with other content.
func (d *doings) compareStored(ctx context.Context, r *reporting, into Importer, wrong map[int]string) error {
	head, err := into.Head(ctx)
	if err != nil || head.CatalogVersion == "" || head.Demo { // nothing is stored, or stays
		return err
	}
	ended := map[int64]bool{} // readers whose stored interactions are deleted first
	for _, one := range r.plan.req.Forgotten {
		ended[one.ID] = true
	}
	const block = 1 << 12
	for from := 0; from < len(d.list); from += block {
		ids := make([]string, 0, block)
		for _, i := range d.list[from:min(from+block, len(d.list))] {
			ids = append(ids, i.ID)
		}
		stored, err := into.Recorded(ctx, ids)
		if err != nil {
			return err
		}
		for k := range ids {
			i := d.list[from+k]
			if was, there := stored[i.ID]; there && !was.Same(i) && !ended[was.UserID] {
				wrong[from+k] = fmt.Sprintf("%q is stored already as %s, and this is %s", i.ID, r.describe(was), r.describe(i))
			}
		}
	}
	return nil
}

// describe says what an interaction is, with the ids that its file has.
func (r *reporting) describe(i domain.Interaction) string {
	what := i.Kind.String()
	if i.Stars > 0 {
		what += fmt.Sprintf(" %d", i.Stars)
	}
	return fmt.Sprintf("%s of book %s by reader %s", what, r.book(i.BookID), r.reader(i.UserID))
}
