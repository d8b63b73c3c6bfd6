package restapi

import (
	"context"
	"net/url"
	"time"
)

// notify tells a page of version 2 something while the instance goes on. What
// it answers does not matter. The instance waits for it before its final page.
func (in *instance) notify(ctx context.Context, page Page, base *url.URL, result *actionResult) {
	if !page.isSet() {
		return
	}
	info := &instanceInfo{ID: in.id, Token: in.token, LogFilename: in.logName, IsNotification: new(true), ActionResult: result}
	ctx = context.WithoutCancel(ctx) // the page timeout bounds it
	in.notices.Go(func() {
		start := time.Now()
		err := in.send(ctx, page, base, info)
		outcome := outcomeOf(err)
		in.metrics.asked(notificationPage, outcome, time.Since(start))
		if err != nil {
			in.log.Warn("notification", "url", redact(page.URL), "outcome", outcome, "error", err)
		}
	})
}

// send asks a page whose answer does not matter.
func (in *instance) send(ctx context.Context, page Page, base *url.URL, info *instanceInfo) error {
	address, err := resolve(base, page)
	if err != nil {
		return failure(CodePageUnreachable, err, "%s: %v", redact(page.URL), err)
	}
	body, err := info.encode()
	if err != nil {
		return failure(CodeInternal, err, "the notification could not be written")
	}
	_, err = in.browser.fetch(ctx, page.method(), address, body)
	return err
}
