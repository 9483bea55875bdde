//! Files of an .rpm: the payload that has their contents, and the tags of the header that describe them.

use sha2::Digest as _;

use super::builder::File;
use super::sections::hex;
use super::{CpioBuilder, CpioFields, HeaderBuilder, HeaderValue, RpmBuilder};

impl RpmBuilder {
    /// Whether a file is the last of its names, which has the content.
    fn is_last(&self, path: &[u8], file: &File) -> bool {
        let mut behind = self.files.range(path.to_vec()..).skip(1);
        !behind.any(|(_, other)| other.inode == file.inode)
    }

    fn links(&self, file: &File) -> u32 {
        let same = |other: &&File| other.inode == file.inode;
        self.files.values().filter(same).count() as u32
    }

    /// The payload as the header describes it, without ghosts.
    pub fn cpio(&self) -> Vec<u8> {
        let shared = self.next_inode as usize <= self.files.len();
        let mut cpio = CpioBuilder::new();
        for (number, (path, file)) in self.files.iter().enumerate() {
            if file.flags & 1 << 6 != 0 {
                continue;
            }
            let last = !shared || self.is_last(path, file);
            let content: &[u8] = if last { &file.content } else { b"" };
            if self.stripped {
                cpio = cpio.stripped(number as u32, content);
                continue;
            }
            let fields = CpioFields {
                inode: file.inode,
                links: if shared { self.links(file) } else { 1 },
                mtime: self.mtime,
                ..CpioFields::new(file.mode.into())
            };
            cpio = cpio.member(&[b".", path.as_slice()].concat(), fields, content);
        }
        cpio.trailer().build()
    }

    pub(super) fn file_tags(&self, header: &mut HeaderBuilder) {
        let files: Vec<(&Vec<u8>, &File)> = self.files.iter().collect();
        let shared = self.next_inode as usize <= files.len();
        let size: usize = files
            .iter()
            .filter(|(path, file)| !shared || self.is_last(path, file))
            .map(|(_, file)| file.content.len())
            .sum();
        header.set(1009, HeaderValue::Words(vec![size as u32]));
        if files.is_empty() {
            return;
        }
        let mut directories: Vec<&[u8]> = Vec::new();
        let (mut indexes, mut names) = (Vec::new(), Vec::new());
        for (path, _) in &files {
            let slash = path
                .iter()
                .rposition(|b| *b == b'/')
                .expect("an absolute path");
            let (directory, name) = path.split_at(slash + 1);
            let known = directories.iter().rposition(|known| *known == directory);
            indexes.push(known.unwrap_or(directories.len()) as u32);
            if known.is_none() {
                directories.push(directory);
            }
            names.push(name);
        }
        let words = |f: &dyn Fn(&File) -> u32| {
            HeaderValue::Words(files.iter().map(|(_, file)| f(file)).collect())
        };
        let shorts = |f: fn(&File) -> u16| {
            HeaderValue::Shorts(files.iter().map(|(_, file)| f(file)).collect())
        };
        let texts = |f: &dyn Fn(&File) -> Vec<u8>| {
            HeaderValue::Texts(files.iter().map(|(_, file)| f(file)).collect())
        };
        let digest = |file: &File| {
            let regular = file.mode & 0o170_000 == 0o100_000 && file.flags & 1 << 6 == 0;
            let digest = || hex(sha2::Sha256::digest(&file.content)).into_bytes();
            if regular { digest() } else { Vec::new() }
        };
        header
            .set(1028, words(&|file| file.content.len() as u32))
            .set(1030, shorts(|file| file.mode))
            .set(1033, shorts(|file| file.device))
            .set(1034, words(&|_| self.mtime))
            .set(1035, texts(&digest))
            .set(1036, texts(&|file| file.link.clone()))
            .set(1037, words(&|file| file.flags))
            .set(1039, texts(&|file| file.user.clone().into_bytes()))
            .set(1040, texts(&|file| file.group.clone().into_bytes()))
            .set(1045, words(&|_| u32::MAX))
            .set(1095, words(&|_| 1))
            .set(1096, words(&|file| file.inode))
            .set(1097, texts(&|_| Vec::new()))
            .set(1116, HeaderValue::Words(indexes))
            .set(1117, HeaderValue::texts(&names))
            .set(1118, HeaderValue::texts(&directories))
            .set(5011, HeaderValue::Words(vec![8]));
        if files.iter().any(|(_, file)| !file.capabilities.is_empty()) {
            header.set(5010, texts(&|file| file.capabilities.clone().into_bytes()));
        }
    }
}
