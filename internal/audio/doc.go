// Package audio reads sound files and makes of them what models hear.
//
// A [Sound] is a WAV file, or samples, of which parts are read at any rate:
// resampled as torchaudio.functional.resample does it (sinc_interp_hann), which
// the rest of the file does not have to be read for. [FilterBanks] are the log
// energies of torchaudio.compliance.kaldi.fbank.
//
// Caveat: compressed sounds (MP3, FLAC, …) are told by name and not read.
//
//	s, err := audio.Decode(file)
//	samples := s.At(16000, 0, 0, 32000) // the first two seconds of the first channel
//	rows := audio.FilterBanks(samples)
package audio
