package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Job is work that takes longer than a request: a folder that is being indexed, a
// library that is being checked.
type Job struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"` // index, verify
	Library string    `json:"library"`
	State   string    `json:"state"` // running, done, failed, cancelled
	Done    int       `json:"done"`
	Total   int       `json:"total"` // 0 while it is not known
	Result  any       `json:"result,omitempty"`
	Error   *string   `json:"error,omitempty"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
}

const (
	jobRunning   = "running"
	jobDone      = "done"
	jobFailed    = "failed"
	jobCancelled = "cancelled"

	jobIndex  = "index"
	jobVerify = "verify"

	jobsKept = 100 // that have ended
)

// jobs are those that run and the last ones that have ended.
type jobs struct {
	ctx    context.Context // ends them all
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu   sync.Mutex
	list []*running
}

// running is a job with who watches it.
type running struct {
	mu      sync.Mutex
	job     Job
	version int           // of the state, from 1
	changed chan struct{} // closed when the state is another
	cancel  context.CancelFunc
}

func newJobs() *jobs {
	j := &jobs{}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	return j
}

// close cancels what runs and waits for it.
func (j *jobs) close() {
	j.cancel()
	j.wait.Wait()
}

// start runs work in the background. It is told of its end by its context.
func (j *jobs) start(kind, library string, work func(ctx context.Context, progress func(done, total int)) (any, error)) *running {
	ctx, cancel := context.WithCancel(j.ctx)
	r := &running{job: Job{ID: newID(), Kind: kind, Library: library, State: jobRunning, Started: time.Now().UTC()}, version: 1, changed: make(chan struct{}), cancel: cancel}
	j.mu.Lock()
	j.list = append(j.list, r)
	j.forget()
	j.mu.Unlock()
	j.wait.Go(func() {
		defer cancel()
		result, err := work(ctx, func(done, total int) { r.change(func(job *Job) { job.Done, job.Total = done, total }) })
		r.change(func(job *Job) { job.end(ctx, result, err) })
	})
	return r
}

func (job *Job) end(ctx context.Context, result any, err error) {
	job.Ended = time.Now().UTC()
	switch {
	case err == nil:
		job.State, job.Result = jobDone, result
	case ctx.Err() != nil:
		job.State = jobCancelled
	default:
		e, _ := known(err)
		job.State, job.Error = jobFailed, &e.Message
	}
}

// running counts those that have not ended.
func (j *jobs) running() (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.list {
		if job, _, _ := r.now(); job.State == jobRunning {
			n++
		}
	}
	return n
}

// forget drops the oldest jobs that have ended. The list is locked.
func (j *jobs) forget() {
	ended := 0
	for i := len(j.list) - 1; i >= 0; i-- {
		if state, _, _ := j.list[i].now(); state.State == jobRunning {
			continue
		}
		if ended++; ended > jobsKept {
			j.list = slices.Delete(j.list, i, i+1)
		}
	}
}

func (r *running) change(f func(*Job)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.job)
	r.version++
	close(r.changed)
	r.changed = make(chan struct{})
}

// now is the state, its version, and what is closed when there is another.
func (r *running) now() (Job, int, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.job, r.version, r.changed
}

// find returns a job that the caller may see.
func (s *Server) job(r *http.Request) (*running, error) {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	for _, j := range s.jobs.list {
		if job, _, _ := j.now(); job.ID == r.PathValue("job") && callerOf(r).reaches(job.Library) {
			return j, nil
		}
	}
	return nil, refuse(http.StatusNotFound, "job_not_found", "job", "there is no such job (any more)")
}

type folderBody struct {
	Path string `json:"path"` // of a folder on the server, below a --root
}

// jobRoutes are those of long work.
func (s *Server) jobRoutes() []route {
	return []route{
		{method: "POST", path: "/v1/libraries/:library/folders", scope: ScopeAdmin, handle: s.indexFolder, body: folderBody{}, answer: Job{}, doc: "Index a folder of the server's, below a --root: starts a job."},
		{method: "GET", path: "/v1/jobs", scope: ScopeSearch, handle: s.listJobs, answer: jobList{}, doc: "List the jobs that run and the last ones that have ended, the newest first."},
		{method: "GET", path: "/v1/jobs/:job", scope: ScopeSearch, handle: s.getJob, answer: Job{}, doc: "Say how far a job is."},
		{method: "GET", path: "/v1/jobs/:job/events", scope: ScopeSearch, noHead: true, handle: s.watchJob, doc: "Follow a job by server-sent events, each with the job's state."},
		{method: "DELETE", path: "/v1/jobs/:job", scope: ScopeAdmin, handle: s.cancelJob, answer: Job{}, doc: "Cancel a job. What it has done stays."},
	}
}

// indexFolder answers POST /v1/libraries/{l}/folders with a job.
func (s *Server) indexFolder(w http.ResponseWriter, r *http.Request) error {
	var body folderBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	release()
	l, err := s.library(r, true)
	if err != nil {
		return err
	}
	work, err := l.Index(body.Path)
	if err != nil {
		return err
	}
	s.startJob(w, jobIndex, l.Name(), work)
	return nil
}

// startJob starts work and answers with its job.
func (s *Server) startJob(w http.ResponseWriter, kind, library string, work func(ctx context.Context, progress func(done, total int)) (any, error)) {
	job, _, _ := s.jobs.start(kind, library, work).now()
	w.Header().Set("Location", "/v1/jobs/"+job.ID)
	writeJSON(w, http.StatusAccepted, job)
}

type jobList struct {
	Object string `json:"object"`
	Data   []Job  `json:"data"`
}

// listJobs answers GET /v1/jobs with those that the caller may see.
func (s *Server) listJobs(w http.ResponseWriter, r *http.Request) error {
	list := []Job{}
	s.jobs.mu.Lock()
	for _, j := range slices.Backward(s.jobs.list) {
		if job, _, _ := j.now(); callerOf(r).reaches(job.Library) {
			list = append(list, job)
		}
	}
	s.jobs.mu.Unlock()
	writeJSON(w, http.StatusOK, jobList{"list", list})
	return nil
}

func (s *Server) getJob(w http.ResponseWriter, r *http.Request) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	job, _, _ := j.now()
	writeJSON(w, http.StatusOK, job)
	return nil
}

func (s *Server) cancelJob(w http.ResponseWriter, r *http.Request) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	j.cancel()
	return s.getJob(w, r)
}

const (
	eventGap  = 200 * time.Millisecond // between two events
	heartbeat = 15 * time.Second       // without news, so that proxies keep the line
)

// watchJob answers GET /v1/jobs/{job}/events until the job has ended. A client
// that comes back with Last-Event-ID hears nothing twice.
func (s *Server) watchJob(w http.ResponseWriter, r *http.Request) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	for {
		job, version, changed := j.now()
		if version > last {
			if err := writeEvent(w, version, job); err != nil {
				return nil // the client is gone
			}
			last = version
		} else if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil {
			return nil
		}
		if err := out.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return nil
		}
		if job.State != jobRunning || !s.pause(r.Context(), changed) {
			return nil
		}
	}
}

func writeEvent(w http.ResponseWriter, id int, job Job) error {
	data, err := json.Marshal(job)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", id, job.State, data)
	return err
}

// pause waits for news, but not for too long; false means that the client or the
// server is going.
func (s *Server) pause(ctx context.Context, changed <-chan struct{}) bool {
	quiet := time.NewTimer(heartbeat)
	defer quiet.Stop()
	select {
	case <-changed:
	case <-quiet.C:
		return true
	case <-ctx.Done():
		return false
	case <-s.stopping:
		return false
	}
	select {
	case <-time.After(eventGap):
		return true
	case <-ctx.Done():
		return false
	case <-s.stopping:
		return false
	}
}
