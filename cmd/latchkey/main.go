// Command latchkey is the whole product in one binary: the server, the demo, and
// the commands of whoever runs it. It parses flags, joins the packages and prints;
// it holds no rules.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/latchkey/latchkey/doctor"
)

// version is set by the build.
var version = "dev"

type cli struct {
	Demo     demoCmd          `cmd:"" help:"See it at once: a made-up company on this machine."`
	Serve    serveCmd         `cmd:"" help:"Run the server."`
	Reload   reloadCmd        `cmd:"" help:"Let the running server read its configuration again."`
	Invite   inviteCmd        `cmd:"" help:"Make an enrolment link for one person."`
	Freezes  freezesCmd       `cmd:"" help:"List the accounts that an approver froze."`
	Unfreeze unfreezeCmd      `cmd:"" help:"Lift the freeze of one account."`
	Keys     keysCmd          `cmd:"" help:"List and rotate the keys that seal the database."`
	Audit    auditCmd         `cmd:"" help:"Export and verify the audit log."`
	Doctor   doctorCmd        `cmd:"" help:"Examine the whole installation; say what is wrong, why it matters, and the lines that mend it."`
	DB       dbCmd            `cmd:"" name:"db" help:"Move to PostgreSQL."`
	Config   configCmd        `cmd:"" help:"Check the configuration, or print a documented example."`
	Version  kong.VersionFlag `help:"Print the version."`
}

// streams are where a command reads and writes; tests bring their own.
type streams struct {
	out, err io.Writer
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// errShown ends a command with status 1 after it has said everything itself.
var errShown = errors.New("already shown")

// run parses and runs one command line and returns the exit status: 0, 1 for a
// command that failed, 2 for a command line that can't be understood, and those of
// the doctor.
func run(ctx context.Context, args []string, s streams) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	exit := -1
	parser := kong.Must(&c,
		kong.Name("latchkey"),
		kong.Description("Gives people back their own Active Directory account, with a passkey."),
		kong.Vars{"version": version, "areas": strings.Join(doctor.Areas(), ", ")},
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(s.err, "latchkey: %v\nTry: latchkey --help\n", err)
		return 2
	}
	if err := command.Run(); err != nil {
		if status, ok := errors.AsType[exitStatus](err); ok {
			return int(status)
		}
		if !errors.Is(err, errShown) {
			fmt.Fprintf(s.err, "latchkey: %v\n", err)
		}
		return 1
	}
	return 0
}
