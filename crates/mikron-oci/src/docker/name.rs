//! Names of images in docker's grammar of references.

use crate::ImageError;

/// Where a name without a domain belongs.
const DEFAULT_DOMAIN: &str = "docker.io";

/// A name in docker's grammar of references, taken apart.
pub(crate) struct Name {
    pub(crate) repository: String,
    pub(crate) tag: String,
}

impl Name {
    pub(crate) fn parse(name: &str) -> Result<Self, ImageError> {
        let wrong = || ImageError::Config {
            field: "name",
            reason: format!(
                "`{}` is no docker reference (expected NAME[:TAG] in lower case)",
                name.chars().take(200).collect::<String>().escape_debug()
            ),
        };
        // A colon before a slash is a port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (name, "latest"),
        };
        crate::index_file::check_tag(tag).map_err(|_| wrong())?;
        let good = |part: &str| {
            let edge =
                |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
            edge(part.bytes().next()) && edge(part.bytes().last()) && part.bytes().all(inner)
        };
        let mut parts: Vec<&str> = repository.split('/').collect();
        if parts.len() > 1 && is_domain(parts[0]) {
            let (host, port) = parts[0].split_once(':').unwrap_or((parts[0], "0"));
            let host = host.to_ascii_lowercase();
            if !good(&host) || port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong());
            }
            parts.remove(0);
        }
        if repository.len() > 255 || !parts.iter().all(|p| good(p)) {
            return Err(wrong());
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }

    /// As people write it.
    pub(crate) fn short(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// With domain and namespace.
    pub(crate) fn full(&self) -> String {
        match self.repository.split_once('/') {
            Some((domain, _)) if is_domain(domain) => self.short(),
            Some(_) => format!("{DEFAULT_DOMAIN}/{}", self.short()),
            None => format!("{DEFAULT_DOMAIN}/library/{}", self.short()),
        }
    }
}

fn is_domain(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_docker_does() {
        let full = |name: &str| Name::parse(name).unwrap().full();
        assert_eq!(
            full("nginx"),
            format!("{DEFAULT_DOMAIN}/library/nginx:latest")
        );
        assert_eq!(
            full("team/nginx:1.22"),
            format!("{DEFAULT_DOMAIN}/team/nginx:1.22")
        );
        assert_eq!(full("r.example.org:5000/n"), "r.example.org:5000/n:latest");
        assert_eq!(full("localhost/n:x"), "localhost/n:x");
    }

    #[test]
    fn malformed_names_are_refused() {
        for name in [
            "", "Nginx", "nginx:", "a//b", "-a", "a/../b", "a:b:c", "a b", ":5000/x",
        ] {
            let error = Name::parse(name).map(drop).unwrap_err().to_string();
            assert!(error.contains("is no docker reference"), "{error}");
        }
    }
}
