//! What an image runs: its config as a process (OCI image-spec, "Conversion to OCI Runtime Configuration").

use serde_json::Value;

/// What PATH is where the image does not say.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a container runs.
///
/// ```
/// use mikron_run::Process;
/// let config = br#"{"config":{"Entrypoint":["/bin/web"],"Cmd":["-x"],"User":"33:33"}}"#;
/// let process = Process::of_config(config)?;
/// assert_eq!(process.words, ["/bin/web", "-x"]);
/// assert_eq!(process.user, (33, 33));
/// # Ok::<(), mikron_run::ProcessError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Variables, each as `NAME=VALUE`.
    pub env: Vec<String>,
    /// The directory that it starts in.
    pub workdir: String,
    /// User and group by number.
    pub user: (u32, u32),
}

/// A config that says too little.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// It is not what configs are.
    #[error("the config of the image cannot be read: {0}")]
    Config(String),
    /// There is no program.
    #[error("the image starts no program\nhelp: name one behind `--`, or give it an `entrypoint`")]
    NoProgram,
    /// The user is a name.
    #[error("the image runs as `{}`, and a user takes a number here\nhelp: name it in the image by its number", .0.escape_debug())]
    User(String),
}

impl Process {
    /// The process of an image's config.
    ///
    /// # Errors
    /// When it is no config, or its user is no number.
    pub fn of_config(config: &[u8]) -> Result<Self, ProcessError> {
        let config: Value =
            serde_json::from_slice(config).map_err(|e| ProcessError::Config(e.to_string()))?;
        let config = &config["config"];
        let words = |key: &str| {
            let all = config[key].as_array().into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned)
        };
        let text = |key: &str| config[key].as_str().filter(|text| !text.is_empty());
        let mut process = Self {
            words: words("Entrypoint").chain(words("Cmd")).collect(),
            env: words("Env").collect(),
            workdir: text("WorkingDir").unwrap_or("/").to_owned(),
            user: user(text("User").unwrap_or("0:0"))?,
        };
        let home = if process.user.0 == 0 { "/root" } else { "/tmp" };
        for default in [PATH, &format!("HOME={home}")] {
            let name = default.split_inclusive('=').next().unwrap_or_default();
            if !process.env.iter().any(|known| known.starts_with(name)) {
                process.env.push(default.to_owned());
            }
        }
        Ok(process)
    }

    /// Sets a variable, `NAME=VALUE`.
    pub fn set(&mut self, variable: &str) {
        let name = variable.split_inclusive('=').next().unwrap_or_default();
        self.env.retain(|known| !known.starts_with(name));
        self.env.push(variable.to_owned());
    }
}

/// `UID`, or `UID:GID`; without a group that of the same number.
fn user(text: &str) -> Result<(u32, u32), ProcessError> {
    let (user, group) = text.split_once(':').unwrap_or((text, text));
    let number = |text: &str| text.parse().ok();
    let both = number(user).zip(number(group));
    both.ok_or_else(|| ProcessError::User(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_image_does_not_say_has_defaults() {
        let process = Process::of_config(b"{}").unwrap();
        assert_eq!(process.workdir, "/");
        assert_eq!(process.user, (0, 0));
        assert_eq!(process.env, [PATH, "HOME=/root"]);
        let config = br#"{"config":{"Env":["HOME=/x","PATH=/y"],"User":"5"}}"#;
        let process = Process::of_config(config).unwrap();
        assert_eq!(process.env, ["HOME=/x", "PATH=/y"]);
        assert_eq!(process.user, (5, 5));
    }

    #[test]
    fn a_variable_replaces_the_one_of_its_name_and_no_other() {
        let mut process = Process::of_config(br#"{"config":{"Env":["A=1","AB=2"]}}"#).unwrap();
        process.set("A=3");
        assert!(process.env.contains(&"A=3".to_owned()));
        assert!(!process.env.contains(&"A=1".to_owned()));
        assert!(process.env.contains(&"AB=2".to_owned()));
    }

    #[test]
    fn a_user_by_name_is_refused() {
        let config = br#"{"config":{"User":"web"}}"#;
        let error = Process::of_config(config).unwrap_err();
        assert!(error.to_string().contains("`web`"), "{error}");
        assert!(Process::of_config(b"[").is_err());
    }
}
