//! A small writer of dynamic ELF files: what a loader, or a reader of facts, looks at, and no code.

/// Builds 64-bit little-endian ELF files.
///
/// ```
/// use mikron_testkit::elf::ElfBuilder;
/// let library = ElfBuilder::library("libz.so.1")
///     .needed("libc.so.6")
///     .version_need("libc.so.6", &["GLIBC_2.34"])
///     .version_definition("ZLIB_1.2")
///     .import("pthread_exit")
///     .build();
/// assert_eq!(&library[..4], b"\x7fELF");
/// ```
#[derive(Clone, Debug)]
pub struct ElfBuilder {
    machine: u16,
    executable: bool,
    interpreter: Option<String>,
    soname: Option<String>,
    needed: Vec<String>,
    rpath: Option<String>,
    runpath: Option<String>,
    needs: Vec<(String, Vec<String>)>,
    definitions: Vec<String>,
    imports: Vec<(String, Option<String>)>,
    exports: Vec<(String, Option<String>)>,
    tags: Vec<(u64, Value)>,
    notes: Vec<Vec<u8>>,
    constants: Vec<String>,
    flags: u32,
}

/// What stands beside a dynamic tag.
#[derive(Clone, Debug)]
enum Value {
    Number(u64),
    Name(String),
}

/// The address at which the file is loaded, so that addresses are not offsets by chance.
const BASE: u64 = 0x40_0000;

impl ElfBuilder {
    fn new(executable: bool) -> Self {
        Self {
            machine: 62,
            executable,
            interpreter: None,
            soname: None,
            needed: Vec::new(),
            rpath: None,
            runpath: None,
            needs: Vec::new(),
            definitions: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            tags: Vec::new(),
            notes: Vec::new(),
            constants: Vec::new(),
            flags: 0,
        }
    }

    /// A shared library for x86-64.
    pub fn library(soname: &str) -> Self {
        Self {
            soname: Some(soname.to_owned()),
            ..Self::new(false)
        }
    }

    /// A position-independent executable for x86-64 with the usual loader of glibc.
    pub fn executable() -> Self {
        Self {
            interpreter: Some("/lib64/ld-linux-x86-64.so.2".to_owned()),
            ..Self::new(true)
        }
    }

    /// Sets `e_machine` (62 is x86-64, 183 is AArch64).
    #[must_use]
    pub fn machine(mut self, machine: u16) -> Self {
        self.machine = machine;
        self
    }

    /// Sets the loader.
    #[must_use]
    pub fn interpreter(mut self, path: &str) -> Self {
        self.interpreter = Some(path.to_owned());
        self
    }

    /// Adds a `DT_NEEDED`.
    #[must_use]
    pub fn needed(mut self, soname: &str) -> Self {
        self.needed.push(soname.to_owned());
        self
    }

    /// Sets `DT_RPATH`.
    #[must_use]
    pub fn rpath(mut self, path: &str) -> Self {
        self.rpath = Some(path.to_owned());
        self
    }

    /// Sets `DT_RUNPATH`.
    #[must_use]
    pub fn runpath(mut self, path: &str) -> Self {
        self.runpath = Some(path.to_owned());
        self
    }

    /// Adds versions required of a library.
    #[must_use]
    pub fn version_need(mut self, library: &str, versions: &[&str]) -> Self {
        let versions = versions.iter().map(ToString::to_string).collect();
        self.needs.push((library.to_owned(), versions));
        self
    }

    /// Adds a version that the library defines.
    #[must_use]
    pub fn version_definition(mut self, version: &str) -> Self {
        self.definitions.push(version.to_owned());
        self
    }

    /// Adds an undefined symbol.
    #[must_use]
    pub fn import(mut self, symbol: &str) -> Self {
        self.imports.push((symbol.to_owned(), None));
        self
    }

    /// Adds an undefined symbol that is bound to a version, which has to be among those required.
    #[must_use]
    pub fn import_of(mut self, symbol: &str, version: &str) -> Self {
        self.imports
            .push((symbol.to_owned(), Some(version.to_owned())));
        self
    }

    /// Adds a defined symbol without a version.
    #[must_use]
    pub fn export(mut self, symbol: &str) -> Self {
        self.exports.push((symbol.to_owned(), None));
        self
    }

    /// Adds a defined symbol of a version, which has to be among those defined.
    #[must_use]
    pub fn export_of(mut self, symbol: &str, version: &str) -> Self {
        self.exports
            .push((symbol.to_owned(), Some(version.to_owned())));
        self
    }

    /// Sets `DF_BIND_NOW`.
    #[must_use]
    pub fn bind_now(mut self) -> Self {
        self.tags.push((30, Value::Number(8)));
        self
    }

    /// Sets `DF_1_NODEFLIB` (and `DF_1_PIE` of executables).
    #[must_use]
    pub fn no_default_dirs(mut self) -> Self {
        self.tags.push((0x6fff_fffb, Value::Number(0x800)));
        self
    }

    /// Adds a `DT_FILTER`.
    #[must_use]
    pub fn filter(mut self, soname: &str) -> Self {
        self.tags
            .push((0x7fff_ffff, Value::Name(soname.to_owned())));
        self
    }

    /// Adds a `DT_AUXILIARY`.
    #[must_use]
    pub fn auxiliary(mut self, soname: &str) -> Self {
        self.tags
            .push((0x7fff_fffd, Value::Name(soname.to_owned())));
        self
    }

    /// Sets `e_flags`.
    #[must_use]
    pub fn flags(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }

    /// Adds a `.note.ABI-tag` for Linux of this version.
    #[must_use]
    pub fn abi_tag(mut self, version: [u32; 3]) -> Self {
        let words = [0, version[0], version[1], version[2]];
        let content: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        self.notes.push(note(*b"GNU\0", 1, &content));
        self
    }

    /// Adds a `.note.gnu.property` with the x86 levels that the code needs, as bits (1 is the base, 4 is x86-64-v3).
    #[must_use]
    pub fn x86_needed(mut self, bits: u32) -> Self {
        let words = [0xc000_8002, 4, bits, 0];
        let content: Vec<u8> = words.iter().flat_map(|w: &u32| w.to_le_bytes()).collect();
        self.notes.push(note(*b"GNU\0", 5, &content));
        self
    }

    /// Adds a `.note.dlopen` with this JSON.
    #[must_use]
    pub fn dlopen_note(mut self, json: &str) -> Self {
        let content = [json.as_bytes(), b"\0"].concat();
        self.notes.push(note(*b"FDO\0", 0x407c_0c0a, &content));
        self
    }

    /// Adds a text to its constants, as C has it: a zero ends it.
    #[must_use]
    pub fn constant(mut self, text: &str) -> Self {
        self.constants.push(text.to_owned());
        self
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut strings = Strings(vec![0]);
        let mut tags: Vec<(u64, u64)> = Vec::new();
        for name in &self.needed {
            tags.push((1, strings.add(name)));
        }
        for (tag, name) in [(14, &self.soname), (15, &self.rpath), (29, &self.runpath)] {
            if let Some(name) = name {
                tags.push((tag, strings.add(name)));
            }
        }
        for (tag, value) in &self.tags {
            tags.push(match value {
                Value::Number(number) => (*tag, *number),
                Value::Name(name) => (*tag, strings.add(name)),
            });
        }
        let symbols = self.symbols(&mut strings);
        let needs = self.version_needs(&mut strings);
        let definitions = self.version_definitions(&mut strings);

        // Tables in the order in which GNU ld writes them; program headers are counted first, since they shift all.
        let segments = 2 + u64::from(self.interpreter.is_some()) + self.notes.len() as u64;
        let mut body: Vec<u8> = Vec::new();
        let start = 64 + segments * 56;
        let mut put = |bytes: &[u8]| -> (u64, u64) {
            body.resize(body.len().next_multiple_of(8), 0);
            let at = start + body.len() as u64;
            body.extend_from_slice(bytes);
            (at, bytes.len() as u64)
        };
        let interpreter = self
            .interpreter
            .as_ref()
            .map(|path| put(&[path.as_bytes(), b"\0"].concat()));
        let notes: Vec<(u64, u64)> = self.notes.iter().map(|note| put(note)).collect();
        let symbols = put(&symbols);
        let strings = put(&strings.0);
        tags.extend([
            (5, BASE + strings.0),
            (10, strings.1),
            (6, BASE + symbols.0),
            (11, 24),
        ]);
        if !self.exports.is_empty() {
            tags.push((4, BASE + put(&self.hash()).0));
        }
        if !self.needs.is_empty() || !self.definitions.is_empty() {
            tags.push((0x6fff_fff0, BASE + put(&self.symbol_versions()).0));
        }
        if !self.needs.is_empty() {
            let at = put(&needs).0;
            tags.extend([
                (0x6fff_fffe, BASE + at),
                (0x6fff_ffff, self.needs.len() as u64),
            ]);
        }
        if !self.definitions.is_empty() {
            let at = put(&definitions).0;
            let count = self.definitions.len() as u64 + 1;
            tags.extend([(0x6fff_fffc, BASE + at), (0x6fff_fffd, count)]);
        }
        if self.executable {
            tags.push((0x6fff_fffb, 0x0800_0000));
        }
        tags.push((0, 0));
        let dynamic: Vec<u8> = tags
            .iter()
            .flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat())
            .collect();
        let dynamic = put(&dynamic);
        for text in &self.constants {
            put(&[b"\0", text.as_bytes(), b"\0"].concat());
        }
        let end = start + body.len() as u64;

        let mut file = self.header(segments as u16);
        file.extend(segment(1, 0, end));
        file.extend(segment(2, dynamic.0, dynamic.1));
        file.extend(interpreter.map_or_else(Vec::new, |(at, size)| segment(3, at, size)));
        file.extend(notes.iter().flat_map(|(at, size)| segment(4, *at, *size)));
        file.extend(body);
        file
    }

    fn header(&self, segments: u16) -> Vec<u8> {
        let mut header = b"\x7fELF\x02\x01\x01".to_vec();
        header.resize(16, 0);
        header.extend(3u16.to_le_bytes());
        header.extend(self.machine.to_le_bytes());
        header.extend(1u32.to_le_bytes());
        header.extend(BASE.to_le_bytes());
        header.extend(64u64.to_le_bytes());
        header.extend(0u64.to_le_bytes());
        header.extend(self.flags.to_le_bytes());
        for field in [64, 56, segments, 64, 0, 0] {
            header.extend(field.to_le_bytes());
        }
        header
    }

    fn symbols(&self, strings: &mut Strings) -> Vec<u8> {
        let mut table = vec![0; 24];
        let imports = self.imports.iter().map(|(name, _)| (name, 0u16));
        for (name, section) in imports.chain(self.exports.iter().map(|(name, _)| (name, 1))) {
            table.extend((strings.add(name) as u32).to_le_bytes());
            // Global function, default visibility.
            table.extend([0x12, 0]);
            table.extend(section.to_le_bytes());
            table.extend([0; 16]);
        }
        table
    }

    /// `DT_HASH` with one bucket and no chain: it says how many symbols there are.
    fn hash(&self) -> Vec<u8> {
        let count = 1 + self.imports.len() + self.exports.len();
        let mut table: Vec<u8> = [1, count as u32]
            .iter()
            .flat_map(|w| w.to_le_bytes())
            .collect();
        table.resize(8 + 4 * (1 + count), 0);
        table
    }

    /// The index of a version: 1 is the base, then those defined, then those required.
    fn version_index(&self, version: &str) -> u16 {
        let required = self.needs.iter().flat_map(|(_, versions)| versions);
        let mut all = self.definitions.iter().chain(required);
        all.position(|known| known == version)
            .map_or(1, |at| at as u16 + 2)
    }

    fn symbol_versions(&self) -> Vec<u8> {
        let all = self.imports.iter().chain(&self.exports);
        let index = |(_, version): &(String, Option<String>)| {
            version
                .as_deref()
                .map_or(1, |version| self.version_index(version))
        };
        let indexes = std::iter::once(0).chain(all.map(index));
        indexes.flat_map(u16::to_le_bytes).collect()
    }

    fn version_needs(&self, strings: &mut Strings) -> Vec<u8> {
        let mut table = Vec::new();
        for (i, (library, versions)) in self.needs.iter().enumerate() {
            let last = i + 1 == self.needs.len();
            let size = 16 + 16 * versions.len() as u32;
            table.extend(1u16.to_le_bytes());
            table.extend((versions.len() as u16).to_le_bytes());
            table.extend((strings.add(library) as u32).to_le_bytes());
            table.extend(16u32.to_le_bytes());
            table.extend(if last { 0 } else { size }.to_le_bytes());
            for (k, version) in versions.iter().enumerate() {
                table.extend(0u32.to_le_bytes());
                table.extend(0u16.to_le_bytes());
                table.extend(self.version_index(version).to_le_bytes());
                table.extend((strings.add(version) as u32).to_le_bytes());
                let next = if k + 1 == versions.len() { 0u32 } else { 16 };
                table.extend(next.to_le_bytes());
            }
        }
        table
    }

    fn version_definitions(&self, strings: &mut Strings) -> Vec<u8> {
        let base = self.soname.clone().unwrap_or_default();
        let names: Vec<&String> = std::iter::once(&base).chain(&self.definitions).collect();
        let mut table = Vec::new();
        for (i, name) in names.iter().enumerate() {
            table.extend(1u16.to_le_bytes());
            table.extend(u16::from(i == 0).to_le_bytes());
            table.extend((i as u16 + 1).to_le_bytes());
            table.extend(1u16.to_le_bytes());
            table.extend(0u32.to_le_bytes());
            table.extend(20u32.to_le_bytes());
            let next = if i + 1 == names.len() { 0u32 } else { 28 };
            table.extend(next.to_le_bytes());
            table.extend((strings.add(name) as u32).to_le_bytes());
            table.extend(0u32.to_le_bytes());
        }
        table
    }
}

struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, name: &str) -> u64 {
        let at = self.0.len() as u64;
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
        at
    }
}

fn segment(kind: u32, at: u64, size: u64) -> Vec<u8> {
    let mut header = kind.to_le_bytes().to_vec();
    header.extend(5u32.to_le_bytes());
    for field in [at, BASE + at, BASE + at, size, size, 8] {
        header.extend(field.to_le_bytes());
    }
    header
}

fn note(owner: [u8; 4], kind: u32, content: &[u8]) -> Vec<u8> {
    let mut note = 4u32.to_le_bytes().to_vec();
    note.extend((content.len() as u32).to_le_bytes());
    note.extend(kind.to_le_bytes());
    note.extend(owner);
    note.extend(content);
    note.resize(note.len().next_multiple_of(4), 0);
    note
}
