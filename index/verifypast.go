package index

import "encoding/binary"

func (c *checker) past() error {
	return c.each(prefixPast, 12, func(rest, value []byte) error {
		c.report.Past++
		ord, seq := ordinalAt(rest, 0), binary.BigEndian.Uint64(rest[4:])
		if _, _, err := decodePast(value); err != nil {
			c.say("what ordinal %d was before write %d: %v", ord, seq, err)
		}
		if ord >= c.next || seq > c.report.Seq || seq <= c.horizon.seq {
			c.say("a version of ordinal %d ended with write %d, which is not of the past that is kept", ord, seq)
		}
		return nil
	})
}

func (c *checker) was() error {
	return c.each(prefixWas, -1, func(rest, value []byte) error {
		if len(rest) < 10 || len(rest) != 10+int(binary.BigEndian.Uint16(rest)) || len(value) != 4 {
			c.say("the earlier ordinal of an id is damaged: %q", rest)
			return nil
		}
		id, seq := string(rest[2:len(rest)-8]), binary.BigEndian.Uint64(rest[len(rest)-8:])
		ord := ordinalAt(value, 0)
		if ended, ok := c.ended[ord]; !ok || ended != seq {
			c.say("id %q had ordinal %d until write %d, but that ended with %d", id, ord, seq, ended)
		}
		return nil
	})
}

// turns looks whether each write of the past has its turn, and each turn what it
// names.
func (c *checker) turns() error {
	want, next, versions := c.horizon.seq+1, c.horizon.next, 0
	err := c.each(prefixTurn, 8, func(rest, value []byte) error {
		seq := binary.BigEndian.Uint64(rest)
		if seq != want {
			c.say("what the writes from %d to %d did to ordinals is missing", want, seq-1)
		}
		want = seq + 1
		t, err := decodeTurn(value)
		if err != nil {
			c.say("write %d: %v", seq, err)
			return nil
		}
		if t.next < next || t.next > c.next {
			c.say("write %d left %d as the next ordinal, after %d", seq, t.next, next)
		}
		c.changed(seq, next, t)
		versions += len(t.changed)
		next = t.next
		return nil
	})
	if want != c.report.Seq+1 {
		c.say("what the writes from %d to %d did to ordinals is missing", want, c.report.Seq)
	} else if next != c.next {
		c.say("the last write left %d as the next ordinal, the counter says %d", next, c.next)
	}
	if versions != c.report.Past {
		c.say("writes ended %d versions of documents, %d are kept", versions, c.report.Past)
	}
	return err
}

// changed looks for what a write says that it changed.
func (c *checker) changed(seq uint64, before uint32, t turn) {
	for _, ord := range t.changed {
		if there, err := has(c.r, pastKey(ord, seq)); err != nil || !there {
			c.say("what ordinal %d was before write %d is missing", ord, seq)
		}
		if ord >= before {
			c.say("write %d changed ordinal %d, which was not given before it", seq, ord)
		}
	}
	for _, ord := range t.ended {
		if c.ended[ord] != seq {
			c.say("write %d ended ordinal %d, which ended with %d", seq, ord, c.ended[ord])
		}
	}
}

func (c *checker) log() error {
	want := c.oldest
	err := eachIn(c.r, []byte(prefixLog), logEnd(), func(key, value []byte) error {
		c.report.Writes++
		commit, err := decodeLog(key, value)
		if err != nil {
			c.say("%q: %v", key, err)
			return nil
		}
		if commit.Seq != want {
			c.say("the change log lacks the writes from %d to %d", want, commit.Seq-1)
		}
		want = commit.Seq + 1
		for _, item := range commit.Items {
			if item.Ordinal >= c.next {
				c.say("write %d names ordinal %d, which is not given yet", commit.Seq, item.Ordinal)
			}
		}
		return c.ctx.Err()
	})
	if err == nil && want != c.report.Seq+1 {
		c.say("the change log lacks the writes from %d to %d", want, c.report.Seq)
	}
	return err
}
