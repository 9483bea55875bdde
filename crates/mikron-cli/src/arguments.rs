//! The command line as types.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use mikron::Output;
use mikron::package::Platform;
use mikron::spec::Compression;
use mikron_run::Mount;

/// Distroless OCI images from YAML, straight from package repositories.
#[derive(Debug, Parser)]
#[command(
    name = "mikron",
    version,
    disable_version_flag = true,
    about,
    max_term_width = 100,
    after_help = "Exit status: 0 done, 1 failed, 2 wrong usage."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to colour messages; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Show no progress; warnings and errors stay
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print version
    #[arg(short = 'v', long, short_alias = 'V', action = clap::ArgAction::Version)]
    version: Option<bool>,
}

/// When messages are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a first spec for a program or a package
    #[command(
        after_help = "Without WHAT it is for the one program in target/release, build, dist, bin, out or here."
    )]
    Init(Init),
    /// Build the image of a spec
    #[command(after_help = "OUTPUT is one of\n  \
                      oci:DIR[:TAG]              an image layout\n  \
                      docker:FILE                an archive for docker load (FILE - is standard output)\n  \
                      docker-daemon:NAME[:TAG]   the Docker engine of this machine, by its socket\n  \
                      containerd:NAME[:TAG]      the containerd of this machine, by ctr\n  \
                      tar:FILE                   the root file system as a tar archive\n  \
                      dir:DIR                    the root file system in a new directory\n\
                      Without -o the image goes to oci:./out/NAME:latest.\n\
                      Timestamps come from SOURCE_DATE_EPOCH, else from the newest index.")]
    Build(Build),
    /// Run an image in place: without a daemon, without root
    #[command(
        after_help = "WHAT is a spec (.yaml) or a layout (DIR, oci:DIR[:TAG]). Words behind -- are run instead of what\n\
                      the image starts. An image of `kind: build` has no network unless --network gives it, others\n\
                      have that of the machine. What is not written to a mount goes with the run. Whoever is not\n\
                      root is the user of the image inside, so that files on mounts belong to the caller. Exits\n\
                      as the program does. Takes crun or runc.",
        mut_arg("json", |json| json.hide(true))
    )]
    Run(Run),
    /// Run a command in the image and in the whole closure of its packages, and show what the image lacks
    #[command(
        after_help = "The command, or what the image starts, runs in the image and in one with nothing left out: whole\n\
                      packages of the closure, and those that every installation has. What it opens there and the image\n\
                      has not is shown with the lines for the spec that bring it. A server is ended when its time is over.\n\
                      Exits with 1 where something is lacking. Takes crun or runc."
    )]
    Try(Try),
    /// Resolve a spec and write its lock beside it
    Lock(Lock),
    /// Say why a file or package is in the image, or why not
    Explain(Explain),
    /// Show who requires what of whom in the closure of a spec
    Matrix(Matrix),
    /// Show what one image has otherwise than another
    #[command(
        after_help = "A and B are specs (.yaml), locks (.lock), layouts (DIR, oci:DIR[:TAG] or\n\
                      oci:DIR@DIGEST) or archives for docker load (FILE, docker:FILE).\n\
                      Exits with 0 whether or not they differ; `--json` has all of it."
    )]
    Diff(Diff),
    /// Show what a package offers: its capabilities, with sizes and tokens
    Capabilities(Capabilities),
    /// Show what an image or an archive (.deb, .rpm, .apk) holds, file by file
    #[command(
        after_help = "WHAT is an archive of a package, a spec (.yaml), a layout (DIR, oci:DIR[:TAG],\n\
                      oci:DIR@DIGEST), an archive for docker load (FILE, docker:FILE), or a lock.\n\
                      Of a spec each file has the package and the reason."
    )]
    Inspect(Inspect),
    /// Print the JSON Schema of specs, or a spec that comes with the product
    Schema {
        /// Print the spec that is extended as builtin/NAME; without a name list them
        #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
        builtin: Option<String>,
    },
    /// Show the settings of this user with where they come from, or change one
    #[command(
        after_help = "Keys: mirror.debian and mirror.debian-security (base URLs, the best first), ca (files\n\
                      of certificate authorities), quota (bytes of the cache)."
    )]
    Config {
        #[command(subcommand)]
        action: Option<ConfigAction>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Look after the cache
    Cache {
        #[command(subcommand)]
        action: CacheAction,
    },
    /// Print a script that completes mikron's arguments in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What building, locking and explaining have in common.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The spec, a YAML file or builtin/NAME; `-` is standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) spec: PathBuf,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

/// How a spec is resolved, and how the result is printed.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// Only this platform of the spec (linux/amd64); can be given several times
    #[arg(long = "platform", value_name = "PLATFORM")]
    pub(crate) platforms: Vec<Platform>,
    /// Only this variant of the spec
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// A value for a parameter of the spec; can be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = param)]
    pub(crate) params: Vec<(String, String)>,
    /// Use nothing but the cache and local files
    #[arg(long)]
    pub(crate) offline: bool,
    /// Ask every source for news, even one that was asked a moment ago
    #[arg(long, conflicts_with = "offline")]
    pub(crate) refresh: bool,
    /// How many threads compute [default: one for each processor]
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Base URL of an archive (debian, debian-security); can be given several times
    #[arg(long = "mirror", value_name = "NAME=URL", value_parser = mirror)]
    pub(crate) mirrors: Vec<(String, String)>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// A program of yours, or the name of a package
    #[arg(value_name = "WHAT", value_hint = ValueHint::FilePath)]
    pub(crate) what: Option<String>,
    /// The file to write [default: the image's name and .yaml]; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Where the image goes (below); can be given several times
    #[arg(short, long = "output", value_name = "OUTPUT")]
    pub(crate) outputs: Vec<Output>,
    /// What `docker load` calls the image of a docker: output [default: localhost/ and the spec's name]
    #[arg(long, value_name = "NAME[:TAG]")]
    pub(crate) tag: Option<String>,
    /// How layers are compressed, instead of what the spec says: zstd:3 is fast, zstd:19 small, gzip for old clients
    #[arg(long, value_name = "zstd[:N] | gzip[:N] | none")]
    pub(crate) compression: Option<Compression>,
    /// An annotation of manifest and index beside those of the spec; can be given several times
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    pub(crate) annotations: Vec<(String, String)>,
    /// Build exactly what the lock says; fail where it is missing or stale
    #[arg(long)]
    pub(crate) locked: bool,
    /// Leave in a layout what no tag reaches any more
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// What to run
    #[arg(value_name = "WHAT", value_hint = ValueHint::AnyPath)]
    pub(crate) what: PathBuf,
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(flatten)]
    pub(crate) inside: Inside,
}

#[derive(Debug, Args)]
pub(crate) struct Try {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) inside: Inside,
    /// After how long what still runs is ended, and judged by what it has done so far: seconds, or with ms, m or h
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    pub(crate) timeout: Duration,
    /// Put the lines that bring what is lacking into the spec, and try again
    #[arg(long)]
    pub(crate) write: bool,
}

/// How a command runs in an image.
#[derive(Debug, Args)]
pub(crate) struct Inside {
    /// Show a file or directory of this machine at DST; can be given several times
    #[arg(long = "mount", value_name = "SRC:DST[:ro]")]
    pub(crate) mounts: Vec<Mount>,
    /// Set a variable; can be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<String>,
    /// The directory that it starts in, instead of the image's
    #[arg(long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,
    /// With the network of this machine
    #[arg(long)]
    pub(crate) network: bool,
    /// Without any network but loopback
    #[arg(long, conflicts_with = "network")]
    pub(crate) no_network: bool,
    /// Build exactly what the lock says; fail where it is missing or stale
    #[arg(long)]
    pub(crate) locked: bool,
    /// What to run instead of what the image starts
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Lock {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Take what the sources have now, instead of the versions of the lock that is there: of these packages, or of all
    #[arg(
        long,
        value_name = "PACKAGE,…",
        num_args = 0..=1,
        require_equals = true,
        value_delimiter = ',',
        default_missing_value = "*"
    )]
    pub(crate) update: Option<Vec<String>>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) common: Common,
    /// A path, a package, a capability of a package, or a token as in 'soname(libssl.so.3)'; without it everything at
    /// a glance
    #[arg(value_name = "PATH | PACKAGE[:CAPABILITY] | TOKEN")]
    pub(crate) what: Option<String>,
    /// Show the maintainer scripts, which are not run, and what became of what they would do
    #[arg(long, conflicts_with = "what")]
    pub(crate) scripts: bool,
    /// Explain exactly what the lock says; fail where it is missing or stale
    #[arg(long)]
    pub(crate) locked: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Matrix {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Write one self-contained page, to FILE or to standard output
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        default_missing_value = "-",
        conflicts_with = "json",
        value_hint = ValueHint::FilePath
    )]
    pub(crate) html: Option<PathBuf>,
    /// List what was left out, too
    #[arg(long, conflicts_with_all = ["json", "html"])]
    pub(crate) all: bool,
    /// Take exactly what the lock says; fail where it is missing or stale
    #[arg(long)]
    pub(crate) locked: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first spec, lock or layout
    #[arg(value_name = "A", value_hint = ValueHint::AnyPath)]
    pub(crate) before: PathBuf,
    /// The second spec, lock or layout
    #[arg(value_name = "B", value_hint = ValueHint::AnyPath)]
    pub(crate) after: PathBuf,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Debug, Args)]
pub(crate) struct Capabilities {
    /// An archive (.deb, .rpm, .apk), or with --spec the name of a package
    #[arg(value_name = "ARCHIVE | PACKAGE", value_hint = ValueHint::FilePath)]
    pub(crate) package: PathBuf,
    /// Take the package from the sources of this spec
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub(crate) spec: Option<PathBuf>,
    /// List every token
    #[arg(long, conflicts_with = "json")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// What to look into
    #[arg(value_name = "WHAT", value_hint = ValueHint::AnyPath)]
    pub(crate) what: PathBuf,
    /// Print a spec as it is with all that it inherits, and where each line comes from
    #[arg(long, conflicts_with = "json")]
    pub(crate) resolved: bool,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Write a setting into the user's file
    Set {
        /// As in mirror.debian
        key: String,
        /// What it is from now on
        #[arg(required = true)]
        values: Vec<String>,
    },
    /// Take a setting out of the user's file
    Unset {
        /// As in mirror.debian
        key: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// Remove what was not used for longest, until the cache keeps to its quota
    Gc {
        /// The size that the cache may have: bytes, or with k, M or G behind the number
        #[arg(long, value_name = "SIZE", value_parser = size)]
        quota: Option<u64>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read everything, and set aside what is damaged
    Verify {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print where the cache is
    Path,
}

/// The shells whose arguments can be completed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

fn param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, as in SUITE=trixie".to_owned()),
    }
}

fn mirror(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && url.contains("://") => {
            Ok((name.to_owned(), url.to_owned()))
        }
        _ => Err("write NAME=URL, as in debian=https://example.org/debian".to_owned()),
    }
}

fn annotation(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').unwrap_or_default();
    if key.is_empty() {
        return Err("write KEY=VALUE, as in org.opencontainers.image.revision=1f3c".to_owned());
    }
    Ok((key.to_owned(), value.to_owned()))
}

fn variable(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// A time, in seconds where no unit stands behind it.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a number of seconds, or one like 500ms, 5s or 2m".to_owned()),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "write a number like 5s or 2m".to_owned())?;
    let whole = number.checked_mul(milliseconds);
    let whole = whole.ok_or_else(|| "that is longer than anybody waits".to_owned())?;
    Ok(Duration::from_millis(whole))
}

/// A number of bytes, with a decimal unit behind it if need be.
fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        None => (text, 1),
        Some((end, _)) => match &text[end..] {
            "k" | "K" | "kB" => (&text[..end], 1_000),
            "M" | "MB" => (&text[..end], 1_000_000),
            "G" | "GB" => (&text[..end], 1_000_000_000),
            _ => return Err("write a number of bytes, or one like 500M or 8G".to_owned()),
        },
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write a number like 500M or 8G".to_owned())?;
    number
        .checked_mul(unit)
        .ok_or_else(|| "that is more than can be counted".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_are_seconds_unless_they_say_otherwise() {
        let of = |text| time(text).map(|time| time.as_millis());
        let all = ["5", "5s", "500ms", "2m", "1h"].map(of);
        assert_eq!(all, [5_000, 5_000, 500, 120_000, 3_600_000].map(Ok));
        for text in ["", "s", "5d", "-5s", "1.5s", "99999999999999999999"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_decimal_units() {
        assert_eq!(size("12"), Ok(12));
        assert_eq!(size("8G"), Ok(8_000_000_000));
        for text in [
            "",
            "G",
            "1.5G",
            "-1",
            "1T",
            "99999999999999999999",
            "99999999999G",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_annotation_is_a_key_and_whatever_stands_behind_the_first_sign() {
        let both = ("a.b".to_owned(), "c=d".to_owned());
        assert_eq!(annotation("a.b=c=d"), Ok(both));
        assert!(annotation("a.b").is_err() && annotation("=c").is_err());
    }

    #[test]
    fn a_mirror_is_a_name_and_a_url() {
        let both = (
            "debian".to_owned(),
            "https://example.org/debian?a=b".to_owned(),
        );
        assert_eq!(mirror("debian=https://example.org/debian?a=b"), Ok(both));
        for text in ["debian", "=https://example.org", "debian=example.org"] {
            assert!(mirror(text).is_err(), "{text}");
        }
    }
}
