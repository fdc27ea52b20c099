package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerFactors() {
	op := func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: "/me" + path, tag: "account", capability: access.Personal, summary: summary}
	}
	register(m, op("update-me", http.MethodPatch, "", "Change one's own e-mail address or password; it takes the current password"), m.changeMe)
	register(m, op("get-factors", http.MethodGet, "/factors", "Which second factors one has"), m.factors)
	register(m, op("enrol-totp", http.MethodPost, "/totp", "Start setting up an authenticator app"), m.enrolTOTP)
	register(m, op("confirm-totp", http.MethodPost, "/totp/confirm", "Finish setting up an authenticator app with a code of it"), m.confirmTOTP)
	register(m, op("remove-totp", http.MethodPost, "/totp/remove", "Remove the authenticator app"), m.removeTOTP)
	register(m, op("renew-recovery-codes", http.MethodPost, "/recovery-codes", "Replace the recovery codes"), m.renewRecoveryCodes)
	register(m, op("list-passkeys", http.MethodGet, "/passkeys", "List one's own passkeys"), m.listPasskeys)
	register(m, op("begin-passkey", http.MethodPost, "/passkeys/begin", "Start registering a passkey"), m.beginPasskey)
	register(m, op("create-passkey", http.MethodPost, "/passkeys", "Finish registering a passkey"), m.createPasskey)
	register(m, op("prove-with-passkey", http.MethodPost, "/passkeys/proof", "Start confirming a change with a passkey in place of a code"), m.provePasskey)
	register(m, op("rename-passkey", http.MethodPatch, "/passkeys/{id}", "Rename a passkey"), m.renamePasskey)
	register(m, op("remove-passkey", http.MethodPost, "/passkeys/{id}/remove", "Remove a passkey"), m.removePasskey)
}

type changeMeInput struct{ Body api.ChangeMe }

// changeMe changes the address first: that can be refused because it is taken.
func (m *Manager) changeMe(ctx context.Context, p picloud.Principal, in *changeMeInput) (*userOutput, error) {
	address := requestOf(ctx).address
	if in.Body.Email != nil {
		if err := m.auth.ChangeEmail(ctx, p, *in.Body.Email, in.Body.CurrentPassword, address); err != nil {
			return nil, currentPassword(err)
		}
		p.User.Email, _ = picloud.NormalizeEmail(*in.Body.Email) // it was valid
	}
	if in.Body.Password != nil {
		if err := m.auth.ChangePassword(ctx, p, in.Body.CurrentPassword, *in.Body.Password, address); err != nil {
			return nil, currentPassword(err)
		}
	}
	return &userOutput{Status: http.StatusOK, Body: p.User}, nil
}

// currentPassword names the field of a wrong password as this request has it.
func currentPassword(err error) error {
	if e, ok := err.(*picloud.Error); ok && e.Code == picloud.CodeInvalidCredentials {
		e.Field = "current_password"
	}
	return err
}

type factorsOutput struct{ Body api.Factors }

func (m *Manager) factors(ctx context.Context, p picloud.Principal, _ *nothing) (*factorsOutput, error) {
	f, err := m.auth.Factors(ctx, p)
	if err != nil {
		return nil, err
	}
	return &factorsOutput{Body: api.Factors{TOTP: f.TOTP, Passkeys: f.Passkeys, RecoveryCodes: f.RecoveryCodes, Required: f.Required()}}, nil
}

type proofInput struct{ Body api.Proof }

// proof is what a request shows to confirm a change.
func proof(ctx context.Context, in api.Proof) (auth.Proof, error) {
	out := auth.Proof{Password: in.Password, Code: in.Code, Address: requestOf(ctx).address}
	if in.Passkey == nil {
		return out, nil
	}
	credential, err := json.Marshal(in.Passkey.Credential)
	out.Passkey = &auth.PasskeyProof{Challenge: in.Passkey.Challenge, Response: credential}
	return out, err
}

type enrolmentOutput struct{ Body api.Enrolment }

func (m *Manager) enrolTOTP(ctx context.Context, p picloud.Principal, in *proofInput) (*enrolmentOutput, error) {
	shown, err := proof(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	e, err := m.auth.EnrolTOTP(ctx, p, "PiCloud "+requestOf(ctx).hostname(), shown)
	if err != nil {
		return nil, err
	}
	code, err := qrLines(e.URI)
	if err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	return &enrolmentOutput{Body: api.Enrolment{Secret: e.Secret, URI: e.URI, QR: code}}, nil
}

// quietZone is how many light modules are around a QR code, for scanners.
const quietZone = 2

// qrLines draws a text as a QR code: a line for each row, 1 for dark.
func qrLines(text string) (string, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", err
	}
	size := code.Bounds().Dx()
	var b strings.Builder
	for y := -quietZone; y < size+quietZone; y++ {
		for x := -quietZone; x < size+quietZone; x++ {
			dark := byte('0')
			if x >= 0 && y >= 0 && x < size && y < size {
				if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
					dark = '1'
				}
			}
			b.WriteByte(dark)
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

type confirmTOTPInput struct{ Body api.ConfirmTOTP }

type recoveryCodesOutput struct{ Body api.RecoveryCodes }

func recoveryCodes(codes []string, err error) (*recoveryCodesOutput, error) {
	if err != nil {
		return nil, err
	}
	return &recoveryCodesOutput{Body: api.RecoveryCodes{RecoveryCodes: append([]string{}, codes...)}}, nil
}

func (m *Manager) confirmTOTP(ctx context.Context, p picloud.Principal, in *confirmTOTPInput) (*recoveryCodesOutput, error) {
	return recoveryCodes(m.auth.ConfirmTOTP(ctx, p, in.Body.Code))
}

func (m *Manager) removeTOTP(ctx context.Context, p picloud.Principal, in *proofInput) (*nothing, error) {
	shown, err := proof(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return nil, m.auth.DisableTOTP(ctx, p, shown)
}

func (m *Manager) renewRecoveryCodes(ctx context.Context, p picloud.Principal, in *proofInput) (*recoveryCodesOutput, error) {
	shown, err := proof(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return recoveryCodes(m.auth.RenewRecoveryCodes(ctx, p, shown))
}

type passkeysOutput struct{ Body api.Passkeys }

func (m *Manager) listPasskeys(ctx context.Context, p picloud.Principal, _ *nothing) (*passkeysOutput, error) {
	list, err := m.auth.Passkeys(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &passkeysOutput{Body: api.Passkeys{Passkeys: make([]api.Passkey, len(list))}}
	for i, k := range list {
		out.Body.Passkeys[i] = describePasskey(k)
	}
	return out, nil
}

func describePasskey(k picloud.Passkey) api.Passkey {
	return api.Passkey{ID: k.ID, Name: k.Name, Host: k.RPID, CreatedAt: k.CreatedAt, LastUsedAt: k.LastUsedAt}
}

func (m *Manager) beginPasskey(ctx context.Context, p picloud.Principal, in *proofInput) (*ceremonyOutput, error) {
	shown, err := proof(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return ceremony(m.auth.BeginPasskey(ctx, p, shown))
}

type newPasskeyInput struct{ Body api.NewPasskey }

type newPasskeyOutput struct {
	Status int
	Body   api.RegisteredPasskey
}

func (m *Manager) createPasskey(ctx context.Context, p picloud.Principal, in *newPasskeyInput) (*newPasskeyOutput, error) {
	credential, err := json.Marshal(in.Body.Credential)
	if err != nil {
		return nil, err
	}
	key, codes, err := m.auth.FinishPasskey(ctx, p, in.Body.Challenge, in.Body.Name, credential)
	if err != nil {
		return nil, err
	}
	return &newPasskeyOutput{Status: http.StatusCreated, Body: api.RegisteredPasskey{
		Passkey: describePasskey(key), RecoveryCodes: append([]string{}, codes...),
	}}, nil
}

func (m *Manager) provePasskey(ctx context.Context, p picloud.Principal, _ *nothing) (*ceremonyOutput, error) {
	return ceremony(m.auth.BeginPasskeyProof(ctx, p, client(ctx)))
}

type renamePasskeyInput struct {
	ID   string `path:"id"`
	Body api.Rename
}

func (m *Manager) renamePasskey(ctx context.Context, p picloud.Principal, in *renamePasskeyInput) (*nothing, error) {
	return nil, m.auth.RenamePasskey(ctx, p, in.ID, in.Body.Name)
}

type removePasskeyInput struct {
	ID   string `path:"id"`
	Body api.Proof
}

func (m *Manager) removePasskey(ctx context.Context, p picloud.Principal, in *removePasskeyInput) (*nothing, error) {
	shown, err := proof(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return nil, m.auth.DeletePasskey(ctx, p, in.ID, shown)
}
