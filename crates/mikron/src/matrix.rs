//! The compatibility matrix of a spec, and what it knows of one token.

use std::collections::BTreeSet;
use std::io::{self, Read as _};

use mikron_capability::{Matrix, PackageInput, Spool, Token, TokenAnswer, explain_token, matrix};
use mikron_package::{Contents as _, Digest, Platform};
use serde::Serialize;

use crate::Error;
use crate::builder::Builder;
use crate::closure::Closure;
use crate::contents::PackageContents;
use crate::engine::Engine;
use crate::explain::Explanations;

/// The largest declaration of accounts that is read, in bytes.
const MAX_DECLARATION: u64 = 1 << 20;

/// What is known of one token on one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlatformTokens {
    /// The platform.
    pub platform: Platform,
    /// What is known.
    #[serde(flatten)]
    pub answer: TokenAnswer,
}

impl Builder {
    /// Selects as a build does, and lays the selection out as a matrix, one for each platform. What is missing is part of it:
    /// an image that cannot be closed has a matrix, too.
    ///
    /// ```no_run
    /// for matrix in mikron::Builder::from_file("nginx.yaml")?.matrix()? {
    ///     for need in matrix.missing() {
    ///         println!("{}: {} is missing", matrix.platform, need.token);
    ///     }
    /// }
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a source cannot be had or trusted, or the packages cannot be had together.
    pub fn matrix(&self) -> Result<Vec<Matrix>, Error> {
        Engine::open(self)?.matrices()
    }
}

impl Engine<'_> {
    fn matrices(&self) -> Result<Vec<Matrix>, Error> {
        let spool = self.spool();
        let files = self.files(&spool)?;
        let pins = self.pins(&self.platforms)?;
        let mut matrices = Vec::new();
        for platform in &self.platforms {
            let closure = self.close_open(*platform, &pins, &files, &spool)?;
            let accounts = self.accounts(&closure, &spool)?;
            matrices.push(of(&closure, &accounts));
        }
        Ok(matrices)
    }

    /// The users and groups that packages of a closure declare: by sysusers.d(5), and by calls of their scripts.
    fn accounts(&self, closure: &Closure, spool: &Spool) -> Result<Vec<(usize, Token)>, Error> {
        let packages = &closure.packages;
        let inputs = &closure.inputs;
        let fill = |package: usize, wanted: &BTreeSet<Digest>, spool: &Spool| {
            self.fill(&packages[package], &closure.facts[package], wanted, spool)
                .map_err(io::Error::other)
        };
        let declared: Vec<Vec<_>> = (0..packages.len())
            .map(|package| closure.declarations(package).collect())
            .collect();
        let digests = declared.iter().enumerate().flat_map(|(package, of)| {
            let digests = of.iter().map(|(_, digest)| *digest);
            digests.map(move |digest| (package, digest))
        });
        let contents = PackageContents::new(spool, packages.len(), digests, Box::new(fill));
        let mut accounts = Vec::new();
        for (package, declarations) in declared.iter().enumerate() {
            for (path, digest) in declarations {
                if !path.as_bytes().starts_with(b"usr/lib/sysusers.d/") {
                    continue;
                }
                let mut text = Vec::new();
                contents
                    .open(digest)
                    .and_then(|body| body.take(MAX_DECLARATION).read_to_end(&mut text))
                    .map_err(Error::io("read", path.to_string()))?;
                let tokens = sysusers(&String::from_utf8_lossy(&text));
                accounts.extend(tokens.into_iter().map(|token| (package, token)));
            }
            accounts.extend(scripted(&inputs[package]).map(|token| (package, token)));
        }
        Ok(accounts)
    }
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
