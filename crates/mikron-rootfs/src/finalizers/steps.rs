//! What only a program of the package can make, at installation, and other programs cannot work without.

use mikron_package::{EntryKind, MemoryContents, RootPath};

use crate::error::RootfsError;
use crate::finalize::{Context, Finalizer, Report};
use crate::tree::Tree;

/// Refuses an image in which a program waits for files that its packages make at installation by running a program (TeX's formats,
/// compiled dictionaries): no program is run here, and the image would fail at the first use.
///
/// What is needed is one file; a spec that brings it (`files`) has done the step itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepsFinalizer;

/// A step of an installation.
struct Step {
    /// What is run, for messages.
    run: &'static str,
    /// Programs that cannot work without what it makes.
    programs: &'static [&'static str],
    /// Where what it is made of lies: the directory, and the end of the names. Without it, there is nothing to be made.
    of: (&'static str, &'static str),
    /// Where what it makes lies.
    makes: (&'static str, &'static str),
}

/// All steps that are known. The cheap ones, and those whose form is simple, are finalizers of their own.
const STEPS: &[Step] = &[
    Step {
        run: "fmtutil-sys --all (texlive-base)",
        programs: &[
            "usr/bin/tex",
            "usr/bin/pdftex",
            "usr/bin/luatex",
            "usr/bin/luahbtex",
            "usr/bin/xetex",
            "usr/bin/uptex",
            "usr/bin/euptex",
        ],
        of: ("usr/share/texlive/texmf-dist/tex", ".ini"),
        makes: ("var/lib/texmf/web2c", ".fmt"),
    },
    Step {
        run: "aspell-autobuildhash (dictionaries-common)",
        programs: &["usr/bin/aspell"],
        of: ("usr/share/aspell", ".cwl.gz"),
        makes: ("var/lib/aspell", ".rws"),
    },
    Step {
        run: "ispell-autobuildhash (dictionaries-common)",
        programs: &["usr/bin/ispell"],
        of: ("usr/share/ispell", ".mwl.gz"),
        makes: ("var/lib/ispell", ".hash"),
    },
    Step {
        run: "update-cracklib (cracklib-runtime)",
        programs: &["usr/sbin/cracklib-check"],
        of: ("usr/share/dict", "/cracklib-small"),
        makes: ("var/cache/cracklib", ".pwd"),
    },
    Step {
        run: "mecab-dict-index (mecab-utils)",
        programs: &["usr/bin/mecab"],
        of: ("usr/share/mecab/dic", ".csv"),
        makes: ("var/lib/mecab/dic", "/sys.dic"),
    },
];

impl Finalizer for StepsFinalizer {
    fn name(&self) -> &'static str {
        "steps"
    }

    fn run(
        &self,
        _: &Context<'_>,
        tree: &mut Tree,
        _: &mut MemoryContents,
    ) -> Result<Report, RootfsError> {
        for step in STEPS {
            let Some(program) = step.programs.iter().find(|path| has(tree, path)) else {
                continue;
            };
            if holds(tree, step.of)? && !holds(tree, step.makes)? {
                let ((dir, end), run) = (step.makes, step.run);
                return Err(RootfsError::Finalizer {
                    finalizer: self.name().to_owned(),
                    reason: format!(
                        "/{program} cannot work without what `{run}` makes below /{dir} (*{end}), and no program of a package is \
                         run here: make it in a full installation and bring it by `files`"
                    ),
                });
            }
        }
        Ok(Report::new(self.name()))
    }
}

fn has(tree: &Tree, path: &str) -> bool {
    RootPath::new(path.as_bytes()).is_ok_and(|path| tree.lookup(&path).is_some())
}

/// Whether a file whose path ends so lies below the directory. An empty one is there for dpkg, which removes it with its package.
fn holds(tree: &Tree, (dir, end): (&str, &str)) -> Result<bool, RootfsError> {
    let dir = RootPath::new(dir.as_bytes())?;
    Ok(tree.below(&dir).any(|node| {
        let is_empty = node.entry.kind == EntryKind::File { size: 0 };
        let is_file = node.content.is_some() && !is_empty;
        is_file && node.entry.path.as_bytes().ends_with(end.as_bytes())
    }))
}
