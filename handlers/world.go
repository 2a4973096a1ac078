package handlers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/templates"
	"tokenplayground/web/dialect"
	"tokenplayground/web/sandbox"
	"tokenplayground/web/session"
)

// The fields of the sandbox's settings.
const (
	fieldStrict = "strict"
	fieldGrace  = "grace"
	fieldChance = "chance"
	fieldSeed   = "seed"
	fieldReset  = "reset"
)

// graces are the choices of the grace window, in seconds.
var graces = []int{0, 10, 30, 60}

// rehearsal is how many calls in a hundred meet a fault, where it is on:
// enough that a lesson meets one, few enough that it can be finished.
const rehearsal = 5

// WorldJSON is how the visitor's sandbox is set.
type WorldJSON struct {
	// Strict: requests are read strictly, and a refresh token that is used
	// twice ends all pairs that came from it.
	Strict bool `json:"strict"`
	// GraceSeconds is for how long a used refresh token works again.
	GraceSeconds int64 `json:"grace_seconds"`
	// Chance is how many calls in a hundred meet a fault; which ones follows
	// from Seed.
	Chance int    `json:"chance"`
	Seed   uint64 `json:"seed"`
}

// World sets the visitor's sandbox, or makes it new.
//
//	@ID				world
//	@Summary		Set the sandbox, or make it new
//	@Description	Changes the visitor's own sandbox world. A field that is left out stays as it is. With reset=1 the sandbox has new keys, the real time and no settings, and its tokens are dropped. Nothing is sent to any product.
//	@Tags			Sandbox
//	@Accept			x-www-form-urlencoded
//	@Produce		json,html
//	@Param			product	path		string	true	"Product whose page asks"
//	@Param			strict	formData	string	false	"1: read requests strictly. 0: as patiently as the products do"	Enums(0, 1)
//	@Param			grace	formData	integer	false	"Seconds for which a used refresh token works again, 60 at the most"
//	@Param			chance	formData	integer	false	"How many calls in a hundred meet a fault that their product documents"
//	@Param			seed	formData	integer	false	"Which ones: the same seed and the same calls meet the same faults"
//	@Param			reset	formData	string	false	"1: make the sandbox new"	Enums(0, 1)
//	@Success		200		{object}	ResultJSON
//	@Success		303	"For a form without script"
//	@Header			303	{string}	Location	"The page that shows what came of it"
//	@Failure		400,403,404,409,413,415,421,422,429,500,503	{object}	ProblemJSON
//	@Security		Session
//	@Router			/{product}/world [post]
func (p *Playground) World(c echo.Context) error {
	f, err := p.worldPosted(c, "What is set here")
	if err != nil {
		return err
	}
	set, wrong := readSetting(f)
	if wrong != nil {
		return f.standing(wrong)
	}
	f.q.notice, f.anchor = noticeWorldSet, "world"
	if f.own(fieldReset) == "1" {
		f.q.notice = noticeWorldNew
		f.q.x, f.q.view, f.q.fill = 0, "", false
	}
	return p.change(c, f, func(ctx context.Context, s *session.Session) (*outcome, error) {
		if f.q.notice == noticeWorldNew {
			for key, slot := range s.State.Slots {
				if slot.Target == sandboxName {
					delete(s.State.Slots, key)
				}
			}
			for key := range s.State.Carried {
				if strings.HasSuffix(key, session.SlotKey("", sandboxName)) {
					delete(s.State.Carried, key)
				}
			}
			return nil, p.cfg.Sandbox.Reset(ctx, s.State.World)
		}
		_, err := p.cfg.Sandbox.Set(ctx, s.State.World, set)
		if errors.Is(err, sandbox.ErrSetting) {
			return nil, f.standing(wrongSetting(FieldProblem{"", sentence(err.Error())}))
		}
		return nil, err
	})
}

const (
	noticeWorldSet = "world-set"
	noticeWorldNew = "world-new"
)

var worldSaid = map[string]string{
	noticeWorldSet: "The sandbox is set so from now on.",
	noticeWorldNew: "Your sandbox is new: new keys, the real time. Its tokens are gone.",
}

// readSetting reads the form and tells every wrong value at once.
func readSetting(f *posted) (sandbox.Setting, *Problem) {
	var set sandbox.Setting
	var wrong []FieldProblem
	whole := func(name string, most uint64, says string) (uint64, bool) {
		text, ok := f.form.Get(name)
		if !ok || text == "" {
			return 0, false
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n > most {
			wrong = append(wrong, FieldProblem{name, says})
		}
		return n, err == nil
	}
	if n, ok := whole(fieldStrict, 1, "strict is 0 or 1."); ok {
		strict := n == 1
		set.Strict = &strict
	}
	if n, ok := whole(fieldGrace, uint64(sandbox.MaxGrace/time.Second), "grace is whole seconds, "+span(sandbox.MaxGrace)+" at the most."); ok {
		grace := time.Duration(n) * time.Second
		set.Grace = &grace
	}
	if n, ok := whole(fieldChance, 100, "chance is a whole number from 0 to 100."); ok {
		chance := int(n)
		set.Chance = &chance
	}
	if n, ok := whole(fieldSeed, 1<<53-1, "seed is a whole number below 2^53."); ok {
		set.Seed = &n
	}
	if wrong != nil {
		return set, wrongSetting(wrong...)
	}
	return set, nil
}

func wrongSetting(wrong ...FieldProblem) *Problem {
	pr := &Problem{Kind: "wrong-setting", Status: http.StatusUnprocessableEntity, Title: "The sandbox cannot be set so", Fields: wrong}
	for _, w := range wrong {
		pr.Detail += w.Detail + " "
	}
	pr.Detail += "The sandbox is as it was."
	return pr
}

// world is how the visitor's sandbox is set; as every sandbox begins, where
// the store cannot tell.
func (p *Playground) world(ctx context.Context, s *session.State) sandbox.World {
	if s == nil || s.World == "" {
		return sandbox.World{}
	}
	w, err := p.cfg.Sandbox.World(ctx, s.World)
	if err != nil {
		p.cfg.Log.ErrorContext(ctx, "handlers: the sandbox's settings cannot be read", "err", err)
	}
	return w
}

func worldJSON(w sandbox.World) *WorldJSON {
	return &WorldJSON{Strict: w.Strict, GraceSeconds: int64(w.Grace / time.Second), Chance: w.Chance, Seed: w.Seed}
}

func worldView(d *dialect.Dialect, q query, w sandbox.World) *templates.WorldView {
	pick := func(value int, text string, chosen bool) templates.Option {
		return templates.Option{Value: itoa(value), Text: text, Selected: chosen}
	}
	v := &templates.WorldView{Post: here(d, "/world", q), Said: worldSaid[q.notice], Seed: strconv.FormatUint(w.Seed, 10)}
	v.Strict = []templates.Option{pick(0, "patiently, as the products do", !w.Strict), pick(1, "strictly", w.Strict)}
	list := graces
	if n := int(w.Grace / time.Second); !slices.Contains(list, n) {
		list = append(slices.Clone(list), n)
	}
	for _, n := range list {
		text := "0 s: it works once"
		if n > 0 {
			text = itoa(n) + " s"
		}
		v.Grace = append(v.Grace, pick(n, text, w.Grace == time.Duration(n)*time.Second))
	}
	v.Chance = []templates.Option{pick(0, "off", w.Chance == 0), pick(rehearsal, itoa(rehearsal)+" % of calls fail", w.Chance == rehearsal)}
	if w.Chance != 0 && w.Chance != rehearsal {
		v.Chance = append(v.Chance, pick(w.Chance, itoa(w.Chance)+" % of calls fail", true))
	}
	var on []string
	if w.Strict {
		on = append(on, "strict")
	}
	if w.Grace > 0 {
		on = append(on, "grace "+span(w.Grace))
	}
	if w.Chance > 0 {
		on = append(on, "rehearsal with seed "+v.Seed)
	}
	if len(w.Armed) > 0 {
		on = append(on, "faults are armed")
	}
	v.State = join(on)
	return v
}
