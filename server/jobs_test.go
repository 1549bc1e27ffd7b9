package server

import (
	"strings"
	"testing"
	"time"
)

// TestJobs follows jobs that end well, badly and by being cancelled.
func TestJobs(t *testing.T) {
	s := newTest(t, Options{Libraries: shelves{}})
	folders := func(path string, want int) Job {
		t.Helper()
		var job Job
		request(t, s, "POST", "/v1/libraries/mine/folders", `{"path":"`+path+`"}`, want, &job)
		return job
	}
	request(t, s, "POST", "/v1/libraries/mine/folders", `{"path":"/etc"}`, 403, nil)

	good := folders("/allowed/good", 202)
	events := do(s, "GET", "/v1/jobs/"+good.ID+"/events", "").Body.String() // until it has ended
	if !strings.Contains(events, "event: done") || !strings.Contains(events, `"done":2,"total":2,"result":{"added":2}`) || !strings.Contains(events, "id: ") {
		t.Errorf("events:\n%s", events)
	}
	again := do(s, "GET", "/v1/jobs/"+good.ID+"/events", "", header("Last-Event-ID", "1000")).Body.String()
	if strings.Contains(again, "event:") {
		t.Errorf("who has heard all hears it again:\n%s", again)
	}

	bad := folders("/allowed/broken", 202)
	do(s, "GET", "/v1/jobs/"+bad.ID+"/events", "")
	var job Job
	request(t, s, "GET", "/v1/jobs/"+bad.ID, "", 200, &job)
	if job.State != "failed" || job.Error == nil || strings.Contains(*job.Error, "secret") {
		t.Errorf("got %+v", job)
	}

	endless := folders("/allowed/endless", 202)
	request(t, s, "DELETE", "/v1/jobs/"+endless.ID, "", 200, nil)
	for range 1000 {
		request(t, s, "GET", "/v1/jobs/"+endless.ID, "", 200, &job)
		if job.State == "cancelled" {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if job.State != "cancelled" {
		t.Errorf("got %+v", job)
	}
	request(t, s, "GET", "/v1/jobs/none", "", 404, nil)
	folders("/allowed/endless", 202) // Close cancels it
}

// TestJobsAreForgotten keeps the last ones that have ended.
func TestJobsAreForgotten(t *testing.T) {
	s := newTest(t, Options{Libraries: shelves{}})
	var first, job Job
	for i := range jobsKept + 2 {
		request(t, s, "POST", "/v1/libraries/mine/folders", `{"path":"/allowed/good"}`, 202, &job)
		do(s, "GET", "/v1/jobs/"+job.ID+"/events", "")
		if i == 0 {
			first = job
		}
	}
	request(t, s, "GET", "/v1/jobs/"+first.ID, "", 404, nil)
	request(t, s, "GET", "/v1/jobs/"+job.ID, "", 200, nil)
}
