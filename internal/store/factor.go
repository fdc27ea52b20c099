package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
)

// FactorsOf implements [picloud.Factors].
func (s *Store) FactorsOf(ctx context.Context, userID string) (f picloud.FactorSummary, err error) {
	err = s.read(ctx, "read second factors", func(tx *tx) error {
		return tx.row(`SELECT EXISTS (SELECT 1 FROM totp WHERE user_id = $1 AND confirmed),
			(SELECT count(*) FROM passkeys WHERE user_id = $1),
			(SELECT count(*) FROM recovery_codes WHERE user_id = $1)`, userID).Scan(&f.TOTP, &f.Passkeys, &f.RecoveryCodes)
	})
	return f, err
}

// PutTOTP implements [picloud.Factors].
func (s *Store) PutTOTP(ctx context.Context, t picloud.TOTP) error {
	return s.write(ctx, "enter an authenticator app", func(tx *tx) error {
		n, err := tx.exec(`INSERT INTO totp (user_id, secret, confirmed, last_step, created_at) VALUES ($1, $2, false, 0, $3)
			ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at WHERE NOT totp.confirmed`,
			t.UserID, t.Secret, micros(s.now()))
		if err == nil && n == 0 {
			err = picloud.Errorf(picloud.CodeConflict, "an authenticator app is set up already; remove it first")
		}
		return err
	})
}

const totpColumns = "user_id, secret, confirmed, last_step, created_at"

func scanTOTP(row scanner) (t picloud.TOTP, err error) {
	var created int64
	err = row.Scan(&t.UserID, &t.Secret, &t.Confirmed, &t.LastStep, &created)
	t.CreatedAt = fromMicros(created)
	return t, err
}

// TOTPOf implements [picloud.Factors].
func (s *Store) TOTPOf(ctx context.Context, userID string) (t picloud.TOTP, err error) {
	err = s.read(ctx, "read an authenticator app", func(tx *tx) (err error) {
		t, err = scanTOTP(tx.row("SELECT "+totpColumns+" FROM totp WHERE user_id = $1", userID))
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.Errorf(picloud.CodeNotFound, "no authenticator app is set up")
		}
		return err
	})
	return t, err
}

// ConfirmTOTP implements [picloud.Factors].
func (s *Store) ConfirmTOTP(ctx context.Context, t picloud.TOTP, step int64, codes []picloud.TokenHash) error {
	return s.write(ctx, "confirm an authenticator app", func(tx *tx) error {
		n, err := tx.exec(`UPDATE totp SET confirmed = true, last_step = $1
			WHERE user_id = $2 AND secret = $3 AND NOT confirmed`, step, t.UserID, t.Secret)
		if err != nil {
			return err
		}
		if n == 0 {
			return picloud.Errorf(picloud.CodeConflict, "this authenticator app is not waiting to be confirmed; start again")
		}
		return firstRecoveryCodes(tx, t.UserID, codes)
	})
}

// UseTOTP implements [picloud.Factors].
func (s *Store) UseTOTP(ctx context.Context, userID string, step int64) error {
	return s.write(ctx, "use a code", func(tx *tx) error {
		n, err := tx.exec("UPDATE totp SET last_step = $1 WHERE user_id = $2 AND confirmed AND last_step < $1", step, userID)
		if err == nil && n == 0 {
			err = picloud.Errorf(picloud.CodeInvalidCredentials, "this code was used already")
		}
		return err
	})
}

// DeleteTOTP implements [picloud.Factors].
func (s *Store) DeleteTOTP(ctx context.Context, userID string) error {
	return s.write(ctx, "remove an authenticator app", func(tx *tx) error {
		n, err := tx.exec("DELETE FROM totp WHERE user_id = $1", userID)
		if err != nil {
			return err
		}
		if n == 0 {
			return picloud.Errorf(picloud.CodeNotFound, "no authenticator app is set up")
		}
		return dropSpareCodes(tx, userID)
	})
}

// ListTOTP implements [picloud.Factors].
func (s *Store) ListTOTP(ctx context.Context) (list []picloud.TOTP, err error) {
	err = s.read(ctx, "list authenticator apps", func(tx *tx) (err error) {
		list, err = all(tx, scanTOTP, "SELECT "+totpColumns+" FROM totp ORDER BY user_id")
		return err
	})
	return list, err
}

// ReplaceTOTPSecret implements [picloud.Factors].
func (s *Store) ReplaceTOTPSecret(ctx context.Context, userID string, old, sealed []byte) error {
	return s.write(ctx, "seal a secret anew", func(tx *tx) error {
		_, err := tx.exec("UPDATE totp SET secret = $1 WHERE user_id = $2 AND secret = $3", sealed, userID, old)
		return err
	})
}

// PutRecoveryCodes implements [picloud.Factors].
func (s *Store) PutRecoveryCodes(ctx context.Context, userID string, codes []picloud.TokenHash) error {
	return s.write(ctx, "replace recovery codes", func(tx *tx) error {
		if _, err := tx.exec("DELETE FROM recovery_codes WHERE user_id = $1", userID); err != nil {
			return err
		}
		return insertCodes(tx, userID, codes)
	})
}

func insertCodes(tx *tx, userID string, codes []picloud.TokenHash) error {
	for _, code := range codes {
		if _, err := tx.exec("INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)", userID, code[:]); err != nil {
			return err
		}
	}
	return nil
}

// firstRecoveryCodes gives a user codes who has none.
func firstRecoveryCodes(tx *tx, userID string, codes []picloud.TokenHash) error {
	var n int64
	if err := tx.row("SELECT count(*) FROM recovery_codes WHERE user_id = $1", userID).Scan(&n); err != nil || n > 0 {
		return err
	}
	return insertCodes(tx, userID, codes)
}

// dropSpareCodes removes the recovery codes of a user who has no factor left:
// with them, a password would be asked for something that nobody has.
func dropSpareCodes(tx *tx, userID string) error {
	_, err := tx.exec(`DELETE FROM recovery_codes WHERE user_id = $1
		AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = $1) AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = $1)`, userID)
	return err
}

// UseRecoveryCode implements [picloud.Factors].
func (s *Store) UseRecoveryCode(ctx context.Context, userID string, code picloud.TokenHash) error {
	return s.write(ctx, "use a recovery code", func(tx *tx) error {
		n, err := tx.exec("DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2", userID, code[:])
		if err == nil && n == 0 {
			err = picloud.Errorf(picloud.CodeInvalidCredentials, "this is not one of the recovery codes that are left")
		}
		return err
	})
}

// ResetFactors implements [picloud.Factors].
func (s *Store) ResetFactors(ctx context.Context, actor, userID string) (u picloud.User, err error) {
	err = s.changeAccounts(ctx, "reset second factors", func(tx *tx) (err error) {
		if u, err = userByID(tx, userID); err != nil {
			return err
		}
		if actor == userID {
			return picloud.Errorf(picloud.CodeForbidden, "one's own second factors are removed with the password and a code")
		}
		if err := mayManage(tx, actor, u.Role); err != nil {
			return err
		}
		for _, table := range []string{"totp", "passkeys", "recovery_codes", "sessions"} {
			if _, err := tx.exec("DELETE FROM "+table+" WHERE user_id = $1", userID); err != nil {
				return err
			}
		}
		return nil
	})
	return u, err
}
