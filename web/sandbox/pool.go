package sandbox

import (
	"runtime"
	"sync"
)

// pool runs jobs first come, first served, at most as many at once as there
// are processors. An RSA signature keeps a processor busy for a millisecond;
// signing in each request's own goroutine gives the same rate and four times
// the tail at 64 connections, because the scheduler does not serve in turn.
//
// Its goroutines end when there is nothing to do, so it needs no closing.
type pool struct {
	most int

	mu      sync.Mutex
	running int
	queue   []job
}

type job struct {
	do   func()
	done *sync.WaitGroup
}

func newPool() *pool { return &pool{most: runtime.GOMAXPROCS(0)} }

// do runs jobs, several at once if processors are free, and waits for all.
func (p *pool) do(jobs ...func()) {
	var done sync.WaitGroup
	done.Add(len(jobs))
	p.mu.Lock()
	for _, f := range jobs {
		p.queue = append(p.queue, job{f, &done})
		if p.running < p.most {
			p.running++
			go p.work()
		}
	}
	p.mu.Unlock()
	done.Wait()
}

func (p *pool) work() {
	for {
		p.mu.Lock()
		if len(p.queue) == 0 {
			p.running--
			p.queue = nil
			p.mu.Unlock()
			return
		}
		j := p.queue[0]
		p.queue[0] = job{}
		p.queue = p.queue[1:]
		p.mu.Unlock()
		j.run()
		// Whoever waited for this job goes first: it has an answer to write.
		runtime.Gosched()
	}
}

func (j job) run() {
	defer j.done.Done()
	j.do()
}
