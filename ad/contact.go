package ad

import "context"

// Contact is how to reach a person. Every text is hostile.
type Contact struct {
	Name     string // displayName
	Mail     string
	Language string // preferredLanguage
	Disabled bool
}

var contactAttrs = []string{"objectGUID", "objectClass", "displayName", "mail", "preferredLanguage", attrUAC}

// Contact reads how to reach the account: one search, where Account decides about
// protection too. Its errors are Account's.
func (c *Client) Contact(ctx context.Context, account GUID) (Contact, error) {
	const op = "read contact"
	var found Contact
	err := c.try(ctx, op, reading, func(ctx context.Context, on *conn) error {
		e, ok, err := on.object(ctx, "<GUID="+account.String()+">", contactAttrs)
		if err != nil {
			return err
		}
		if !ok || !c.inBase(on, e.DN) {
			return notFound
		}
		found, err = parseContact(e, account)
		return err
	})
	if err != nil {
		return Contact{}, err
	}
	return found, nil
}

func parseContact(e entry, account GUID) (Contact, error) {
	id, err := GUIDFromBytes(e.raw("objectGUID"))
	if err != nil {
		return Contact{}, misread("objectGUID: %w", err)
	}
	if id != account {
		return Contact{}, misread("the controller answered with another account")
	}
	uac := int64(-1)
	if err := e.numbers(map[string]*int64{attrUAC: &uac}); err != nil {
		return Contact{}, err
	}
	if isClass(e, "user") && uac < 0 {
		// Never absent, so it may not be read; nobody is reached who might be disabled.
		return Contact{}, &Error{Cause: ErrRights, Op: "read contact", Outcome: OutcomeNotWritten, Diagnostic: "no " + attrUAC}
	}
	return Contact{
		Name: e.shown("displayName"), Mail: e.shown("mail"), Language: e.shown("preferredLanguage"),
		Disabled: max(uac, 0)&uacDisabled != 0,
	}, nil
}
