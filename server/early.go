package server

import "net/http"

// smallBody is the bytes of a request that hold words only, as a rule.
const smallBody = 256 << 10

// refuseEarly answers 429 before a body is read, if there is no room for what it
// holds whichever model it is for: words and pictures wait apart, so a small body
// is let in as long as there is room for words.
func (s *Server) refuseEarly(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := s.full(r.ContentLength >= 0 && r.ContentLength <= smallBody); err != nil {
			w.Header().Set("Connection", "close") // the body is not worth reading
			return err
		}
		return next(w, r)
	}
}

// full is the error of queues that are all full; nil if one has room.
func (s *Server) full(small bool) error {
	var last error
	for _, c := range s.encoders {
		err := c.pictures.Full()
		if err != nil && small {
			err = c.texts.Full()
		}
		if err == nil {
			return nil
		}
		last = err
	}
	return last
}
