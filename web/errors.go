package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"tokenplayground/handlers"
)

// problem turns any error into one of ours. What it does not know is an
// internal one, whose cause is for the log only.
func (s *Server) problem(err error) *handlers.Problem {
	var pr *handlers.Problem
	if errors.As(err, &pr) {
		return pr
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return handlers.BodyTooLarge()
	}
	var he *echo.HTTPError
	if errors.As(err, &he) {
		switch he.Code {
		case http.StatusNotFound:
			return handlers.NotFound(s.pages.ProductChoices())
		case http.StatusMethodNotAllowed:
			return &handlers.Problem{Kind: "method-not-allowed", Status: he.Code, Title: "That is not done here with this method",
				Detail: "The address exists, but not for this method. The Allow header lists those that it takes."}
		case http.StatusRequestEntityTooLarge:
			return handlers.BodyTooLarge()
		}
	}
	return internal(err)
}

func internal(cause error) *handlers.Problem {
	return &handlers.Problem{Kind: "internal", Status: http.StatusInternalServerError, Title: "Something went wrong here",
		Detail: "This is a fault of the playground, not of yours. Your session is as it was. Tell the operator the reference below.", Cause: cause}
}

// handleError is the only place where an error becomes an answer: a page, a
// fragment, or application/problem+json.
func (s *Server) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	pr, r := s.problem(err), c.Request()
	if pr.Cause != nil {
		level := slog.LevelWarn
		if pr.Status == http.StatusInternalServerError {
			level = slog.LevelError
		}
		s.log.LogAttrs(r.Context(), level, "problem", slog.String("id", requestID(r.Context())),
			slog.String("kind", pr.Kind), slog.String("cause", pr.Cause.Error()))
	}
	if repeated(c, pr) {
		return
	}
	retryAfter(c.Response().Header(), pr)
	if !handlers.WantsJSON(r) && !plain(r) {
		if err := s.pages.ShowProblem(c, pr, requestID(r.Context())); err == nil {
			return
		}
	}
	writeProblem(c.Response(), r, pr)
}

// repeated has a browser send the same request once more, where that helps.
// The browser still has what was typed, so none of it is written on a page, and
// takes the cookies that have come meanwhile.
func repeated(c echo.Context, pr *handlers.Problem) bool {
	const again = "again" // in the address, so that it is once
	r := c.Request()
	query := r.URL.Query()
	if pr.Repeat <= 0 || query.Has(again) || handlers.WantsJSON(r) || plain(r) {
		return false
	}
	wait := time.NewTimer(pr.Repeat)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-r.Context().Done():
	}
	query.Set(again, "1")
	return c.Redirect(http.StatusTemporaryRedirect, "?"+query.Encode()) == nil
}

// retryAfter says when it is worth trying again, where it is.
func retryAfter(h http.Header, pr *handlers.Problem) {
	wait := pr.RetryAfter
	if wait == 0 && pr.Status == http.StatusServiceUnavailable {
		wait = 5 * time.Second
	}
	if wait > 0 {
		// Upwards, since a client that comes too early is sent away again.
		h.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	}
}

// plain clients get problems as JSON though they did not ask: curl and
// libraries accept anything.
func plain(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return (accept == "" || accept == "*/*") && r.Header.Get("HX-Request") == ""
}

// fail answers with a problem from outside the router.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, pr *handlers.Problem) {
	retryAfter(w.Header(), pr)
	if handlers.WantsJSON(r) || plain(r) {
		writeProblem(w, r, pr)
		return
	}
	c := s.echo.NewContext(r, w)
	if err := s.pages.ShowProblem(c, pr, requestID(r.Context())); err != nil { //nolint:contextcheck // c carries the request's
		writeProblem(w, r, pr)
	}
}

func writeProblem(w http.ResponseWriter, r *http.Request, pr *handlers.Problem) {
	body, err := json.Marshal(pr.JSON(requestID(r.Context())))
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(pr.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone; there is nobody to tell
	}
}
