//! The facade: everything from a spec, in a few calls.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mikron_oci::BlobStore;
use mikron_package::{Platform, Progress, Silent};
use mikron_solve::{ResolvoSolver, Solver};
use mikron_source::Environment;
use mikron_source::fetch::Fetch;
use mikron_spec::{Lock, Policy, Spec};

use crate::engine::Engine;
use crate::explain::Explanations;
use crate::{BuildReport, Error, Output};

/// Builds the image of a spec, locks it, or explains it.
///
/// Nothing is read from the environment behind the caller's back: [`Builder::from_file`] starts from
/// [`Environment::of_process`], and [`Builder::environment`] replaces it. The builder is synchronous, works with threads,
/// and is pleasant to call from a build script:
///
/// ```no_run
/// let report = mikron::Builder::from_file("image.yaml")?
///     .output(mikron::Output::layout("target/image", "latest"))
///     .build()?;
/// println!("cargo:rustc-env=IMAGE_DIGEST={}", report.digest);
/// # Ok::<(), mikron::Error>(())
/// ```
#[derive(Clone)]
pub struct Builder {
    pub(crate) spec: Spec,
    pub(crate) text: String,
    pub(crate) file: PathBuf,
    pub(crate) options: Options,
}

/// What a builder was told beside the spec.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) outputs: Vec<Output>,
    pub(crate) stores: Vec<(Arc<dyn BlobStore>, String)>,
    pub(crate) platforms: Vec<Platform>,
    pub(crate) cache: Option<PathBuf>,
    pub(crate) quota: Option<u64>,
    pub(crate) locked: bool,
    pub(crate) offline: bool,
    pub(crate) refresh: bool,
    pub(crate) jobs: usize,
    pub(crate) mirrors: Vec<(String, String)>,
    pub(crate) environment: Environment,
    pub(crate) fetch: Option<Arc<dyn Fetch>>,
    pub(crate) solver: Arc<dyn Solver>,
    pub(crate) progress: Arc<dyn Progress>,
    pub(crate) policy: Policy,
}

impl Builder {
    /// A builder for the spec in a file. Files that the spec names are looked for beside it.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a spec.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let file = path.into();
        let limits = crate::image::limits();
        let bytes = crate::files::read_capped(&file, limits.spec)?;
        let text = crate::files::text(&file, bytes)?;
        let spec = Spec::parse(&file.display().to_string(), &text, &limits)?;
        Ok(Self::new(spec, text, file))
    }

    /// A builder for a spec that a program has put together. Files that it names, and its lock, are looked for in
    /// `directory`.
    ///
    /// # Errors
    /// When the spec contradicts itself.
    pub fn from_spec(mut spec: Spec, directory: impl Into<PathBuf>) -> Result<Self, Error> {
        spec.take_slices();
        spec.validate()?;
        let file = directory.into().join(format!("{}.yaml", spec.name));
        Ok(Self::new(spec, String::new(), file))
    }

    fn new(spec: Spec, text: String, file: PathBuf) -> Self {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let options = Options {
            outputs: Vec::new(),
            stores: Vec::new(),
            platforms: Vec::new(),
            cache: None,
            quota: None,
            locked: false,
            offline: false,
            refresh: false,
            jobs,
            mirrors: Vec::new(),
            environment: Environment::of_process(),
            fetch: None,
            solver: Arc::new(ResolvoSolver::default()),
            progress: Arc::new(Silent),
            policy: Policy::default(),
        };
        Self {
            spec,
            text,
            file,
            options,
        }
    }

    /// The spec.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The text that the spec was read from; empty for one that a program has put together.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file of the spec.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Where the lock lies: beside the spec, with `.lock` for its extension (`nginx.yaml`, `nginx.lock`).
    pub fn lock_file(&self) -> PathBuf {
        self.file.with_extension("lock")
    }

    /// Adds an output. Several are written from one build.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.options.outputs.push(output);
        self
    }

    /// Adds an own place for the image's blobs, and the tag that it is entered under.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn BlobStore>, tag: &str) -> Self {
        self.options.stores.push((store, tag.to_owned()));
        self
    }

    /// Builds for this platform of the spec, and those of further calls; without a call for all of them.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.options.platforms.push(platform);
        self
    }

    /// The cache directory, instead of the one that the environment says.
    #[must_use]
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.options.cache = Some(directory.into());
        self
    }

    /// The size in bytes that the cache may have when a build is done.
    #[must_use]
    pub fn quota(mut self, bytes: u64) -> Self {
        self.options.quota = Some(bytes);
        self
    }

    /// Builds exactly what the lock says, and fails where it is missing or stale.
    #[must_use]
    pub fn locked(mut self, locked: bool) -> Self {
        self.options.locked = locked;
        self
    }

    /// Uses nothing but the cache and files.
    #[must_use]
    pub fn offline(mut self, offline: bool) -> Self {
        self.options.offline = offline;
        self
    }

    /// Asks every source whether it has news, even where it was asked a moment ago.
    #[must_use]
    pub fn refresh(mut self, refresh: bool) -> Self {
        self.options.refresh = refresh;
        self
    }

    /// How many threads compute; without a call one for each processor. The image does not depend on it.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.options.jobs = jobs.max(1);
        self
    }

    /// A base URL for an archive of the presets (`debian`, `debian-security`), before those of the environment.
    #[must_use]
    pub fn mirror(mut self, archive: &str, url: &str) -> Self {
        self.options
            .mirrors
            .push((archive.to_owned(), url.to_owned()));
        self
    }

    /// What the surroundings may decide, instead of the process's own.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.options.environment = environment;
        self
    }

    /// How bytes are fetched, instead of over HTTP and from files.
    #[must_use]
    pub fn fetch(mut self, fetch: Arc<dyn Fetch>) -> Self {
        self.options.fetch = Some(fetch);
        self
    }

    /// How packages are chosen, instead of by [`ResolvoSolver`].
    #[must_use]
    pub fn solver(mut self, solver: Arc<dyn Solver>) -> Self {
        self.options.solver = solver;
        self
    }

    /// Who is told of progress.
    #[must_use]
    pub fn progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.options.progress = progress;
        self
    }

    /// What the spec may refer to: a root that its files must lie in, and whether local addresses are refused.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.options.policy = policy;
        self
    }

    /// Builds the image and writes it to every output and store. Without any, nothing but the cache is written.
    ///
    /// # Errors
    /// Whatever fails; then every output is as it was.
    pub fn build(&self) -> Result<BuildReport, Error> {
        Engine::open(self)?.build()
    }

    /// Writes what an earlier build of the same spec over the same packages came to, as [`Builder::build`] does before all else. `None`
    /// where the cache does not remember it; then nothing was written.
    ///
    /// ```no_run
    /// let builder = mikron::Builder::from_file("image.yaml")?.output(mikron::Output::layout("out", "latest"));
    /// let report = match builder.recall()? {
    ///     Some(report) => report,
    ///     None => builder.build()?,
    /// };
    /// # Ok::<(), mikron::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn recall(&self) -> Result<Option<BuildReport>, Error> {
        Engine::open(self)?.recall()
    }

    /// Resolves the spec against what its sources publish now. [`Lock::to_yaml`] is what belongs into
    /// [`Builder::lock_file`].
    ///
    /// # Errors
    /// When a source cannot be had or trusted, or the spec has no solution.
    pub fn lock(&self) -> Result<Lock, Error> {
        Engine::anew(self)?.lock()
    }

    /// Resolves the spec and writes the lock beside it: all of it or nothing. Gives back the file, and the lock.
    ///
    /// # Errors
    /// As [`Builder::lock`]; when the file cannot be written.
    pub fn write_lock(&self) -> Result<(PathBuf, Lock), Error> {
        let lock = self.lock()?;
        let file = self.lock_file();
        crate::files::write_whole(&file, lock.to_yaml().as_bytes())?;
        Ok((file, lock))
    }

    /// Selects as a build does, and keeps every reason.
    ///
    /// # Errors
    /// As [`Builder::build`], less the outputs.
    pub fn explain(&self) -> Result<Explanations, Error> {
        Engine::open(self)?.explain()
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("spec", &self.spec.name)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
