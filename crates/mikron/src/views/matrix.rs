//! The compatibility matrix of a spec, and what it knows of one token.

use std::io::Read as _;

use mikron_matrix::{Matrix, TokenAnswer, explain_token, matrix};
use mikron_package::{Contents as _, Platform};
use mikron_select::{PackageInput, Token};
use serde::Serialize;

use crate::Error;
use crate::run::Run;
use crate::steps::closure::Closure;
use crate::steps::own::OwnFiles;
use crate::views::explain::Explanations;

/// The largest declaration of accounts that is read, in bytes.
const MAX_DECLARATION: u64 = 1 << 20;

/// Where packages declare accounts (sysusers.d(5)).
const SYSUSERS: &[u8] = b"usr/lib/sysusers.d/";

/// What is known of one token on one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlatformTokens {
    /// The platform.
    pub platform: Platform,
    /// What is known.
    #[serde(flatten)]
    pub answer: TokenAnswer,
}

/// Selects, and lays each selection out as a matrix.
pub(crate) fn matrices(run: &Run<'_>) -> Result<Vec<Matrix>, Error> {
    let own = run.files()?;
    let pins = run.pins()?;
    let mut matrices = Vec::new();
    for platform in &run.inputs.platforms {
        let closure = run.close_open(*platform, &pins, &own)?;
        let accounts = accounts(run, &closure, &own)?;
        matrices.push(of(&closure, &accounts));
    }
    Ok(matrices)
}

/// The users and groups that packages of a closure declare: by sysusers.d(5), and by calls of their scripts.
fn accounts(
    run: &Run<'_>,
    closure: &Closure,
    own: &OwnFiles,
) -> Result<Vec<(usize, Token)>, Error> {
    let packages = 0..closure.packages.len();
    let declared = packages.flat_map(|package| {
        let declared = closure.declarations(package);
        declared.map(move |(path, digest)| (package, path, digest))
    });
    let declared = declared.filter(|(_, path, _)| path.as_bytes().starts_with(SYSUSERS));
    let digests = declared
        .clone()
        .map(|(package, _, digest)| (package, digest));
    let contents = run.contents(closure, own, digests)?;
    let mut accounts = Vec::new();
    for (package, path, digest) in declared {
        let mut text = Vec::new();
        contents
            .open(&digest)
            .and_then(|body| body.take(MAX_DECLARATION).read_to_end(&mut text))
            .map_err(Error::io("read", path.to_string()))?;
        let tokens = sysusers(&String::from_utf8_lossy(&text));
        accounts.extend(tokens.into_iter().map(|token| (package, token)));
    }
    for (package, input) in closure.inputs.iter().enumerate() {
        accounts.extend(scripted(input).map(|token| (package, token)));
    }
    Ok(accounts)
}

/// The users and groups that a declaration names (sysusers.d(5): type, name); a user has a group of its name.
fn sysusers(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let (kind, name) = (
            fields.next(),
            fields.next().map(|name| name.trim_matches('"')),
        );
        match (kind, name) {
            (Some("u" | "u!"), Some(name)) => {
                tokens.extend([Token::User(name.to_owned()), Token::Group(name.to_owned())]);
            }
            (Some("g"), Some(name)) => tokens.push(Token::Group(name.to_owned())),
            _ => {}
        }
    }
    tokens
}

/// The users and groups that the scripts of a package make when it is configured.
fn scripted(input: &PackageInput) -> impl Iterator<Item = Token> {
    let scripts = input.facts.metadata.scripts.iter();
    scripts.flat_map(|script| {
        let accounts = mikron_rootfs::scripted_accounts(&script.text);
        let mut tokens = Vec::new();
        for user in accounts.users {
            if user.group.is_none() && user.gid.is_none() {
                tokens.push(Token::Group(user.name.clone()));
            }
            tokens.push(Token::User(user.name));
        }
        tokens.extend(
            accounts
                .groups
                .into_iter()
                .map(|group| Token::Group(group.name)),
        );
        tokens
    })
}

fn of(closure: &Closure, accounts: &[(usize, Token)]) -> Matrix {
    let Closure {
        inputs,
        selection,
        wanted,
        violations,
        ..
    } = closure;
    matrix(selection, inputs, wanted, violations, accounts)
}

impl Explanations {
    /// Explains a token (`soname(libssl.so.3)`) on every platform: who requires it, who provides it, what is chosen, and why.
    pub fn about_token(&self, token: &Token) -> Vec<PlatformTokens> {
        let answer = |(platform, closure): (&Platform, &Closure)| {
            let inputs = &closure.inputs;
            let packages = inputs.iter().enumerate();
            let accounts: Vec<(usize, Token)> = packages
                .flat_map(|(package, input)| scripted(input).map(move |token| (package, token)))
                .collect();
            let matrix = of(closure, &accounts);
            PlatformTokens {
                platform: *platform,
                answer: explain_token(&matrix, &closure.selection, inputs, token),
            }
        };
        self.platforms.iter().map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_sysusers_has_a_group_of_its_name() {
        let text =
            "# comment\nu redis - \"Redis\" /var/lib/redis\ng cache 100\nm a b\nr - 5-9\nu! x\n";
        let tokens: Vec<String> = sysusers(text).iter().map(ToString::to_string).collect();
        let expected = [
            "user(redis)",
            "group(redis)",
            "group(cache)",
            "user(x)",
            "group(x)",
        ];
        assert_eq!(tokens, expected);
    }
}
