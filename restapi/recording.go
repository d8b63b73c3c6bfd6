package restapi

import (
	"context"

	"mediaserver/call"
)

// record asks for the recording of a whole call, the number-th of the
// instance. given is the cipher of the answer to the call's first page; it
// wins over the one of the settings. Encryption without a cipher is
// MISSING_CIPHER, reported for action at path.
func (in *instance) record(ctx context.Context, c *course, r recordingOptions, given *cipher, number int, action, path string) error {
	if !r.on {
		return nil
	}
	o := call.RecordingOptions{
		InstanceID: in.id, Number: number,
		Separate: r.mode == recordingSeparate, KeepDigits: !r.eliminateDTMF,
	}
	if r.encrypted {
		key := r.cipher
		if given != nil {
			key = given
		}
		if key == nil {
			fault := failure(CodeMissingCipher, nil, "%scall_recording_encryption is on and no cipher was given", path)
			fault.Action = action
			return fault
		}
		o.Cipher = key.forCall()
	}
	return c.verbs.media.SetRecording(ctx, o)
}

// forCall is the cipher as calls know it.
func (c *cipher) forCall() *call.Cipher {
	if c.kind == cipherAge {
		return &call.Cipher{Recipient: c.recipient}
	}
	return &call.Cipher{Key: c.key, IV: c.vector}
}

// Recording is what a service says about the recording of its primary calls.
type Recording struct {
	On         bool
	Encrypted  bool // with the cipher of the answer to the first page
	Separate   bool // version 2: a channel for each side
	KeepDigits bool // version 2
}

// options are the settings in the form of a secondary call's.
func (r Recording) options() recordingOptions {
	o := recordingOptions{on: r.On, encrypted: r.Encrypted, eliminateDTMF: !r.KeepDigits, mode: recordingMixed}
	if r.Separate {
		o.mode = recordingSeparate
	}
	return o
}
