//! Scriptlets and triggers. None is ever run; all are listed.

use mikron_package::{ArchiveError, Family, Script, ScriptKind};

use crate::header::{Header, Strings, relations, tag};

/// Name, text and interpreter of the scriptlets, in the order in which rpm runs them.
const SCRIPTLETS: [(&str, u32, u32); 9] = [
    ("%pretrans", tag::PRETRANS, tag::PRETRANS_PROG),
    ("%pre", tag::PREIN, tag::PREIN_PROG),
    ("%post", tag::POSTIN, tag::POSTIN_PROG),
    ("%preun", tag::PREUN, tag::PREUN_PROG),
    ("%postun", tag::POSTUN, tag::POSTUN_PROG),
    ("%posttrans", tag::POSTTRANS, tag::POSTTRANS_PROG),
    ("%preuntrans", tag::PREUNTRANS, tag::PREUNTRANS_PROG),
    ("%postuntrans", tag::POSTUNTRANS, tag::POSTUNTRANS_PROG),
    ("%verifyscript", tag::VERIFY_SCRIPT, tag::VERIFY_SCRIPT_PROG),
];

/// The tags of one kind of triggers.
struct Triggers {
    /// What the kind is called for each of the senses that rpm knows.
    names: [(&'static str, u32); 4],
    scripts: u32,
    interpreters: u32,
    /// The conditions: which script each belongs to, and what it asks for.
    index: u32,
    name: u32,
    flags: u32,
    version: u32,
}

const IN: u32 = 1 << 16;
const UN: u32 = 1 << 17;
const POSTUN: u32 = 1 << 18;
const PREIN: u32 = 1 << 25;

const TRIGGERS: [Triggers; 3] = [
    Triggers {
        names: [
            ("%triggerin", IN),
            ("%triggerun", UN),
            ("%triggerpostun", POSTUN),
            ("%triggerprein", PREIN),
        ],
        scripts: tag::TRIGGER_SCRIPTS,
        interpreters: tag::TRIGGER_SCRIPT_PROG,
        index: tag::TRIGGER_INDEX,
        name: tag::TRIGGER_NAME,
        flags: tag::TRIGGER_FLAGS,
        version: tag::TRIGGER_VERSION,
    },
    Triggers {
        names: [
            ("%filetriggerin", IN),
            ("%filetriggerun", UN),
            ("%filetriggerpostun", POSTUN),
            ("%filetriggerprein", PREIN),
        ],
        scripts: tag::FILE_TRIGGER_SCRIPTS,
        interpreters: tag::FILE_TRIGGER_SCRIPT_PROG,
        index: tag::FILE_TRIGGER_INDEX,
        name: tag::FILE_TRIGGER_NAME,
        flags: tag::FILE_TRIGGER_FLAGS,
        version: tag::FILE_TRIGGER_VERSION,
    },
    Triggers {
        names: [
            ("%transfiletriggerin", IN),
            ("%transfiletriggerun", UN),
            ("%transfiletriggerpostun", POSTUN),
            ("%transfiletriggerprein", PREIN),
        ],
        scripts: tag::TRANS_FILE_TRIGGER_SCRIPTS,
        interpreters: tag::TRANS_FILE_TRIGGER_SCRIPT_PROG,
        index: tag::TRANS_FILE_TRIGGER_INDEX,
        name: tag::TRANS_FILE_TRIGGER_NAME,
        flags: tag::TRANS_FILE_TRIGGER_FLAGS,
        version: tag::TRANS_FILE_TRIGGER_VERSION,
    },
];

/// All scriptlets and triggers. A script's text begins with the line that names its interpreter (`#!/bin/sh`, `#!<lua>`), as a
/// file would; a scriptlet that is nothing but a program (`%post -p /sbin/ldconfig`) has this line alone.
pub(super) fn all(header: Header<'_>) -> Result<Vec<Script>, ArchiveError> {
    let mut scripts = Vec::new();
    for (name, text, interpreter) in SCRIPTLETS {
        let (body, interpreter) = (header.text(text)?, header.strings(interpreter)?);
        if body.is_some() || interpreter.len() > 0 {
            let text = with_interpreter(interpreter, body.unwrap_or_default());
            scripts.extend(ScriptKind::of(Family::RPM.scripts, name).map(|kind| kind.script(text)));
        }
    }
    for kind in &TRIGGERS {
        triggers(header, kind, &mut scripts)?;
    }
    Ok(scripts)
}

fn with_interpreter(interpreter: Strings<'_>, body: &[u8]) -> Vec<u8> {
    let mut text = b"#!".to_vec();
    // The tag holds the program and, behind it, its arguments.
    let words: Vec<&[u8]> = interpreter.iter().collect();
    if words.is_empty() {
        text.extend_from_slice(b"/bin/sh");
    } else {
        text.extend(words.join(&b' '));
    }
    text.push(b'\n');
    text.extend_from_slice(body);
    text
}

fn triggers(
    header: Header<'_>,
    kind: &Triggers,
    scripts: &mut Vec<Script>,
) -> Result<(), ArchiveError> {
    let texts = header.strings(kind.scripts)?;
    let index = header.words(kind.index)?;
    let conditions = relations::texts(header, kind.name, kind.flags, kind.version)?;
    if index.len() != conditions.len() {
        let reason = "the conditions of the triggers do not match their index";
        return Err(ArchiveError::malformed(reason));
    }
    // Conditions by their script, in one pass: there may be many of both.
    let mut of: Vec<(Vec<&str>, u32)> = vec![(Vec::new(), 0); texts.len()];
    for ((text, flags), script) in conditions.iter().zip(&index) {
        let Some((conditions, senses)) = of.get_mut(*script as usize) else {
            let reason = format!("a trigger names script {script} of {}", texts.len());
            return Err(ArchiveError::malformed(reason));
        };
        conditions.push(text);
        *senses |= flags;
    }
    let interpreters: Vec<&[u8]> = header.strings(kind.interpreters)?.iter().collect();
    for (number, (text, (conditions, senses))) in texts.iter().zip(of).enumerate() {
        let name = kind.names.iter().find(|(_, sense)| senses & sense != 0);
        let name = name.map_or(kind.names[0].0, |(name, _)| *name);
        let interpreter = interpreters.get(number).copied().unwrap_or(b"/bin/sh");
        let text = [b"#!", interpreter, b"\n", text].concat();
        scripts.extend(
            ScriptKind::of(Family::RPM.scripts, name).map(|kind| Script {
                name: format!("{name} -- {}", conditions.join(", ")),
                ..kind.script(text)
            }),
        );
    }
    Ok(())
}
