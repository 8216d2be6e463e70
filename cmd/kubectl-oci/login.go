package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pkg/browser"
	"github.com/sigstore/sigstore/pkg/oauthflow"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

var errNobody = errors.New("nothing to sign with: there is no --key, no token, and nobody at a terminal who could log in")

// logIn lets a person log in, with a browser or with a code for another device. A pipeline is not left waiting for one.
func (i *identity) logIn(ctx context.Context, public bool, streams genericiooptions.IOStreams, report *reporter) (string, error) {
	terminal := terminalOf(streams)
	if terminal == nil && !i.noBrowser {
		return "", errNobody
	}
	if public {
		if err := i.agree(ctx, "the identity that you log in with (often a mail address)", streams); err != nil {
			return "", err
		}
	}
	token, err := await(ctx, func() (*oauthflow.OIDCIDToken, error) {
		return oauthflow.OIDConnect(i.issuer, i.client, "", "", i.flow(terminal, streams.ErrOut, report))
	})
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", fmt.Errorf("log in at %q: %s", i.issuer, oneLine(err))
	}
	return token.RawString, nil
}

// flow prints on standard error alone.
func (i *identity) flow(in io.Reader, out io.Writer, report *reporter) oauthflow.TokenGetter {
	if i.noBrowser {
		device := oauthflow.NewDeviceFlowTokenGetterForIssuer(i.issuer)
		device.MessagePrinter = func(text string) { report.always("%s", text) }
		return device
	}
	browser.Stdout = out // the browser's own talk
	return &oauthflow.InteractiveIDTokenGetter{HTMLPage: oauthflow.DefaultIDTokenGetter.HTMLPage, Input: in, Output: out}
}
