package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/doctor"
)

// command is what stands at the end of a command line, with its flags filled in.
type command interface {
	Run(ctx context.Context, s streams) error
}

// parser builds the command line; ran says that it was understood.
type parser struct {
	streams
	ran bool
}

func (p *parser) root() *cobra.Command {
	root := p.group("latchkey", "Gives people back their own Active Directory account, with a passkey.",
		p.demo(),
		p.serve(),
		p.reload(),
		p.invite(),
		p.freezes(),
		p.unfreeze(),
		p.group("keys", "List and rotate the keys that seal the database.", p.keysList(), p.keysRotate()),
		p.group("audit", "Export and verify the audit log.", p.auditExport(), p.auditVerify()),
		p.doctor(),
		p.group("db", "Move to PostgreSQL.", p.dbCopy()),
		p.group("config", "Check the configuration, see what its policies mean, or print a documented example.",
			p.configCheck(), p.configExplain(), p.configDiff(), p.configSchema(), p.configExample()),
	)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(help())
	cobra.EnableCommandSorting = false
	names := root.RunE
	version := root.Flags().Bool("version", false, "Print the version.")
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *version {
			p.ran = true
			return versionCmd{}.Run(cmd.Context(), p.streams)
		}
		return names(cmd, args)
	}
	return root
}

// help refuses a command that there is none of; cobra's own ends with 0.
func help() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command.",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			switch {
			case err != nil:
				return err
			case len(rest) > 0:
				return noArguments(about, rest)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(_ context.Context, s streams) error {
	_, err := fmt.Fprintln(s.out, version)
	return err
}

// group is a command that only holds others.
func (p *parser) group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: noArguments}
	var names []string
	for _, c := range commands {
		cmd.AddCommand(c)
		names = append(names, c.Name())
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return fmt.Errorf("%s: what to do is missing; there are %s", cmd.CommandPath(), strings.Join(names, ", "))
	}
	return cmd
}

// leaf is a command that does something. use names it and its arguments, which go
// to args in their order; FILE is a path.
func (p *parser) leaf(use, short string, c command, args ...*string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	names := strings.Fields(use)[1:]
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		switch {
		case len(names) == 0:
			return noArguments(cmd, given)
		case len(given) < len(names):
			return fmt.Errorf("%s: %s is missing", cmd.CommandPath(), names[len(given)])
		case len(given) > len(names):
			return fmt.Errorf("%s: %q is one too many", cmd.CommandPath(), given[len(names)])
		}
		return nil
	}
	cmd.Flags().SortFlags = false
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		for i, arg := range args {
			*arg = given[i]
			if names[i] == "FILE" {
				var err error
				if *arg, err = absolute(given[i]); err != nil {
					return fmt.Errorf("%s: FILE: %w", cmd.CommandPath(), err)
				}
			}
		}
		p.ran = true
		return c.Run(cmd.Context(), p.streams)
	}
	return cmd
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return nil
}

func (p *parser) demo() *cobra.Command {
	c := &demoRunCmd{Listen: "127.0.0.1:8080", Data: defaultDemo}
	cmd := p.leaf("demo", "See it at once: a made-up company on this machine.", c)
	text(cmd, &c.Listen, "ADDR", "listen", "Where to listen. Beyond this machine only with --public-url.")
	text(cmd, &c.PublicURL, "URL", "public-url", "The https address of your own TLS proxy, to try a phone.")
	text(cmd, &c.Proxy, "ADDR", "trusted-proxy", "The address of that proxy, when it is not on this machine.")
	dir(cmd, &c.Data, "data", "Directory for the demo's files. Passkeys in it survive a restart.")
	ready(cmd, &c.Ready, "Write JSON with links, people and the directory's address to this file once it answers.")
	cmd.Flags().BoolVarP(&c.Verbose, "verbose", "v", false, "Show the server's log.")
	cmd.AddCommand(p.demoLock())
	return cmd
}

func (p *parser) demoLock() *cobra.Command {
	c := &demoLockCmd{Data: defaultDemo}
	cmd := p.leaf("lock ACCOUNT", "Lock somebody out of a running demo, by wrong passwords.", c, &c.Account)
	cmd.Long = cmd.Short + "\n\nACCOUNT is the logon name, as the demo prints it."
	dir(cmd, &c.Data, "data", "The running demo's directory.")
	return cmd
}

func (p *parser) serve() *cobra.Command {
	c := &serveCmd{}
	cmd := p.leaf("serve", "Run the server.", c)
	file(cmd, &c.Config, "config", "The configuration file.")
	ready(cmd, &c.Ready, "Write JSON with the URL to this file once the server answers.")
	required(cmd, "config")
	return cmd
}

func (p *parser) reload() *cobra.Command {
	c := &reloadCmd{}
	return c.flags(p.leaf("reload", "Let the running server read its configuration again.", c))
}

func (p *parser) invite() *cobra.Command {
	c := &inviteCmd{}
	cmd := c.flags(p.leaf("invite ACCOUNT", "Make an enrolment link for one person.", c, &c.Account))
	cmd.Long = cmd.Short + "\n\nACCOUNT is user@domain, DOMAIN\\name or the logon name."
	cmd.Flags().DurationVar(&c.Valid, "valid", 0, "How long the link is good, at most 720h. Default: enrolment.invitation_valid.")
	cmd.Flags().BoolVar(&c.NoPassword, "no-password", false, "Don't ask for the current password. Only for a link that you hand over in person.")
	cmd.Flags().BoolVar(&c.QR, "qr", false, "Also draw the link as a QR code.")
	return cmd
}

func (p *parser) freezes() *cobra.Command {
	c := &freezesCmd{}
	return c.flags(p.leaf("freezes", "List the accounts that an approver, or their owner, froze.", c))
}

func (p *parser) unfreeze() *cobra.Command {
	c := &unfreezeCmd{}
	cmd := c.flags(p.leaf("unfreeze ACCOUNT", "Lift the freeze of one account.", c, &c.Account))
	cmd.Long = cmd.Short + "\n\nACCOUNT is user@domain, DOMAIN\\name, the logon name, or the objectGUID as `latchkey freezes` shows it.\n" +
		"Its owner proves that it is them first: \"It is me again\" under their account."
	cmd.Flags().BoolVar(&c.WithoutProof, "without-proof", false, "Lift it although its owner proved nothing. The log keeps that, and who ran the command.")
	return cmd
}

func (p *parser) keysList() *cobra.Command {
	c := &keysListCmd{}
	return c.flags(p.leaf("list", "List the keys that seal the database, and how much is sealed under each.", c))
}

func (p *parser) keysRotate() *cobra.Command {
	c := &keysRotateCmd{}
	return c.flags(p.leaf("rotate",
		"Make a new key, seal everything under it, and take the old one away. The server may run meanwhile.", c))
}

func (p *parser) auditExport() *cobra.Command {
	c := &auditExportCmd{}
	cmd := p.leaf("export FILE", "Write the log to a file, as JSON lines. The server may run meanwhile.", c, &c.File)
	cmd.Long = cmd.Short + "\n\nAn existing FILE is replaced when the export is whole."
	file(cmd, &c.Config, "config", "The server's configuration; or --data.")
	dir(cmd, &c.Data, "data", "The data directory of a server or demo with a SQLite file; or --config.")
	either(cmd, "config", "data")
	return cmd
}

func (p *parser) auditVerify() *cobra.Command {
	c := &auditVerifyCmd{}
	return p.leaf("verify FILE", "Check an exported log: its chain and every hash.", c, &c.File)
}

func (p *parser) doctor() *cobra.Command {
	c := &doctorCmd{}
	cmd := p.leaf("doctor", "Examine the whole installation; say what is wrong, why it matters, and the lines that mend it.", c)
	cmd.Long = cmd.Short + "\n\n" + doctorHelp
	file(cmd, &c.Config, "config", "The server's configuration.")
	cmd.Flags().StringSliceVar(&c.Only, "only", nil, "Only this `AREA`: "+strings.Join(doctor.Areas(), ", ")+". May stand more than once.")
	cmd.Flags().BoolVar(&c.JSON, "json", false, "Write JSON, for programs.")
	cmd.Flags().BoolVarP(&c.Quiet, "quiet", "q", false, "Leave out what is right.")
	cmd.Flags().DurationVar(&c.Within, "within", time.Minute, "How long all checks together may take.")
	required(cmd, "config")
	return cmd
}

func (p *parser) dbCopy() *cobra.Command {
	c := &dbCopyCmd{}
	cmd := p.leaf("copy", "Copy a stopped installation's SQLite file into an empty PostgreSQL database.", c)
	file(cmd, &c.Config, "config", "The configuration of the stopped server.")
	file(cmd, &c.ToDSNFile, "to-dsn-file", "A file with the database's DSN, postgres://…; or --to-dsn-env.")
	text(cmd, &c.ToDSNEnv, "NAME", "to-dsn-env", "The environment variable with the DSN; or --to-dsn-file.")
	required(cmd, "config")
	either(cmd, "to-dsn-file", "to-dsn-env")
	return cmd
}

func (p *parser) configCheck() *cobra.Command {
	c := &configCheckCmd{}
	cmd := p.leaf("check FILE", "Check a configuration file whole; every mistake with line and column.", c, &c.File)
	cmd.Long = cmd.Short + "\n\n" + checkHelp
	cmd.Flags().BoolVar(&c.Directory, "directory", false, "Ask the directory for groups, OUs and attributes, too.")
	return cmd
}

func (p *parser) configExplain() *cobra.Command {
	c := &configExplainCmd{}
	cmd := p.leaf("explain", "Say which policy decides for one person, and why.", c)
	cmd.Long = cmd.Short + "\n\n" + explainHelp
	file(cmd, &c.Config, "config", "The configuration file.")
	text(cmd, &c.Person, "ACCOUNT", "person", "user@domain, DOMAIN\\name or the logon name.")
	text(cmd, &c.Kind, "KIND", "kind", "What the person asks for: "+kindWords()+".")
	cmd.Flags().StringSliceVar(&c.Holds, "holds", nil, "Suppose that they hold these `PROOFS`, with commas between them, or none.")
	c.flags(cmd)
	cmd.Flags().BoolVar(&c.JSON, "json", false, "Print JSON.")
	required(cmd, "config")
	required(cmd, "person")
	required(cmd, "kind")
	return cmd
}

func (p *parser) configDiff() *cobra.Command {
	c := &configDiffCmd{}
	cmd := p.leaf("diff OLD NEW", "Say who gains and who loses what between two configurations.", c, &c.Old, &c.New)
	cmd.Long = cmd.Short + `

OLD and NEW are configuration files. People are read from the directory of NEW.
Whether an account is locked today does not count, unless a policy asks for it.`
	cmd.Flags().StringSliceVar(&c.People, "people", nil, "all, or logon names with commas between them.")
	c.flags(cmd)
	cmd.Flags().BoolVar(&c.JSON, "json", false, "Print JSON.")
	required(cmd, "people")
	return cmd
}

func (c *circumstances) flags(cmd *cobra.Command) {
	text(cmd, &c.From, "ADDRESS", "from", "The client's address. Without it a rule that asks for a network is in error.")
	text(cmd, &c.Device, "new|known", "device", "Whether the browser is new to the person. Without it a rule that asks for a new device is in error.")
	text(cmd, &c.At, "TIME", "at", "When, such as 2026-12-24T22:00, by this machine's clock. Default: now.")
}

func (p *parser) configSchema() *cobra.Command {
	return p.leaf("schema", "Print the JSON Schema of the file, for editors.", configSchemaCmd{})
}

func (p *parser) configExample() *cobra.Command {
	return p.leaf("example", "Print a documented example of every key.", configExampleCmd{})
}
