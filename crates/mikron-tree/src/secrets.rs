//! Files that look like secrets.

/// Names that secrets have, and what their content says of itself where the name alone is no sign. Names may begin or end with `*`.
const SECRETS: &[(&[&str], &[&str])] = &[
    (&["*.pem", "*.key", "*.crt", "*.cer"], &["PRIVATE KEY"]),
    (&["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"], &[]),
    (&["*.p12", "*.pfx", "*.kdbx", "*.jks", "*.keystore"], &[]),
    (&[".env", ".env.*", "*.env"], &["="]),
    (
        &[
            ".netrc",
            ".pgpass",
            ".my.cnf",
            ".git-credentials",
            ".htpasswd",
        ],
        &[],
    ),
    (
        &[".npmrc", ".yarnrc.yml", ".pypirc"],
        &["_auth", "authToken", "password", "npmAuth"],
    ),
    (
        &["credentials", "credentials.json", "service-account.json"],
        &["aws_secret", "private_key"],
    ),
    (&["config.json", ".dockercfg"], &["\"auth\""]),
    (
        &["kubeconfig", "kubeconfig.yaml"],
        &["client-key-data", "token"],
    ),
];

/// So many bytes of a file are looked at.
pub(crate) const LOOKED_AT: u64 = 64 << 10;

/// Whether a file of that name may be a secret, and what its content would then say; nothing where the name is enough.
pub(crate) fn signs(name: &[u8]) -> Option<&'static [&'static str]> {
    let is_it = |pattern: &&str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end.as_bytes()),
        (_, Some(start)) => name.starts_with(start.as_bytes()),
        _ => name == pattern.as_bytes(),
    };
    let mut known = SECRETS.iter();
    known.find_map(|(names, signs)| names.iter().any(is_it).then_some(*signs))
}

/// Whether the beginning of a file says one of these.
pub(crate) fn says(text: &[u8], signs: &[&str]) -> bool {
    let has = |sign: &&str| text.windows(sign.len()).any(|part| part == sign.as_bytes());
    signs.is_empty() || signs.iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_no_secret_and_a_key_is_one_whatever_its_name_ends_in() {
        let looks = |name: &str, text: &str| {
            signs(name.as_bytes()).is_some_and(|signs| says(text.as_bytes(), signs))
        };
        assert!(!looks("ca.pem", "-----BEGIN CERTIFICATE-----"));
        assert!(looks("tls.pem", "-----BEGIN EC PRIVATE KEY-----"));
        assert!(looks("tls.key", "-----BEGIN PRIVATE KEY-----"));
        assert!(!looks("answers.key", "b, c, a"));
        assert!(looks("id_ed25519", ""));
        assert!(looks(".env", "A=1") && looks(".env.production", "A=1") && !looks(".env", ""));
        assert!(!looks(".npmrc", "save-exact=true"));
        assert!(looks(".npmrc", "//registry.example.org/:_authToken=x"));
        assert!(!looks("main.py", "PRIVATE KEY"));
    }
}
