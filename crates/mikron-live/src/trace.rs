//! What strace saw the processes of a container open and execute.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The paths that were opened or executed with success inside of the containers whose traces lie in a directory
/// ([`crate::runtime::Bundle::trace_into`]), as the containers see them. What the runtime does itself is not among them.
///
/// # Panics
/// When the directory cannot be read.
pub fn used(traces: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(traces)
        .expect("a directory of traces")
        .flatten();
    let mut found = BTreeSet::new();
    for file in files {
        let bytes = fs::read(file.path()).expect("a readable file");
        found.extend(of_text(&String::from_utf8_lossy(&bytes)));
    }
    found
}

/// One line of `strace -f -o`: the process and the rest.
fn split(line: &str) -> Option<(u32, &str)> {
    let (pid, rest) = line.split_once(' ')?;
    Some((pid.parse().ok()?, rest.trim_start()))
}

/// The string that a call names first.
fn quoted(call: &str) -> Option<&str> {
    let (_, rest) = call.split_once('"')?;
    rest.split_once('"').map(|(path, _)| path)
}

/// The path that an execve was asked for, unless it is the runtime's own.
fn executing(call: &str) -> Option<&str> {
    let path = quoted(call.strip_prefix("execve(")?)?;
    let runtime = path.ends_with("/crun") || path.ends_with("/runc") || path.starts_with("/proc/");
    (!runtime).then_some(path)
}

/// Where programs were executed with success: line, process and path. A call that others interrupt has two lines.
fn executions<'a>(lines: &[(u32, &'a str)]) -> Vec<(usize, u32, &'a str)> {
    let mut begun: BTreeMap<u32, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, (pid, call)) in lines.iter().enumerate() {
        if let Some(path) = executing(call) {
            begun.insert(*pid, path);
        }
        let ends = call.starts_with("execve(") || call.starts_with("<... execve resumed");
        if ends
            && call.ends_with("= 0")
            && let Some(path) = begun.remove(pid)
        {
            found.push((at, *pid, path));
        }
    }
    found
}

/// The child that a call made, by its number outside.
fn child(call: &str) -> Option<u32> {
    let makes = [
        "clone",
        "fork",
        "vfork",
        "<... clone",
        "<... fork",
        "<... vfork",
    ];
    if !makes.iter().any(|name| call.starts_with(name)) {
        return None;
    }
    let (_, result) = call.rsplit_once(" = ")?;
    let number = match result.split_once("/* ") {
        Some((_, outside)) => outside,
        None => result,
    };
    number.split_whitespace().next()?.parse().ok()
}

/// The path behind a descriptor that an open gave (`-y`).
fn opened(call: &str) -> Option<&str> {
    let opens = ["open", "<... open"];
    if !opens.iter().any(|name| call.starts_with(name)) {
        return None;
    }
    let (_, result) = call.rsplit_once(" = ")?;
    let (_, path) = result.split_once('<')?;
    let (path, _) = path.rsplit_once('>')?;
    path.starts_with('/')
        .then(|| path.trim_end_matches(" (deleted)"))
}

fn of_text(text: &str) -> BTreeSet<String> {
    let lines: Vec<(u32, &str)> = text.lines().filter_map(split).collect();
    // The line from which on a process is the container's.
    let mut since: BTreeMap<u32, usize> = BTreeMap::new();
    let executions = executions(&lines);
    for (at, pid, _) in &executions {
        since.entry(*pid).or_insert(*at);
    }
    let made = |(pid, call): &(u32, &str)| child(call).map(|child| (*pid, child));
    let parents: Vec<(u32, u32)> = lines.iter().filter_map(made).collect();
    loop {
        let before = since.len();
        for (parent, child) in &parents {
            if since.contains_key(parent) {
                since.entry(*child).or_insert(0);
            }
        }
        if since.len() == before {
            break;
        }
    }
    let inside = |pid: u32, at: usize| since.get(&pid).is_some_and(|since| at >= *since);
    let executed = executions.iter().map(|(_, _, path)| (*path).to_owned());
    let mut found: BTreeSet<String> = executed.collect();
    for (at, (pid, call)) in lines.iter().enumerate() {
        if inside(*pid, at) {
            found.extend(opened(call).map(str::to_owned));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_container_opens_is_found_and_what_the_runtime_opens_is_not() {
        let text = r#"10 execve("/usr/bin/crun", ["crun", "run"], 0x7 /* 9 vars */) = 0
10 openat(AT_FDCWD</tmp>, "/lib/libyajl.so.2", O_RDONLY|O_CLOEXEC) = 3</usr/lib/libyajl.so.2>
10 clone3({flags=CLONE_NEWPID}, 88) = 11
11 openat(AT_FDCWD</>, "/etc/group", O_RDONLY) = 3</etc/group>
11 execve("/usr/sbin/nginx", ["nginx"], 0x7 /* 2 vars */ <unfinished ...>
10 wait4(-1, 0x7, 0, NULL) = 0
11 <... execve resumed>) = 0
11 openat(AT_FDCWD</>, "/lib/libc.so.6", O_RDONLY|O_CLOEXEC <unfinished ...>
11 <... openat resumed>) = 3</usr/lib/libc.so.6>
12 openat(AT_FDCWD</>, "/worker", O_RDONLY) = 3</worker>
11 clone(child_stack=NULL, flags=SIGCHLD) = 2 /* 12 in strace's PID NS */
11 openat(AT_FDCWD</>, "/absent", O_RDONLY) = -1 ENOENT (No such file or directory)
"#;
        let found: Vec<String> = of_text(text).into_iter().collect();
        assert_eq!(found, ["/usr/lib/libc.so.6", "/usr/sbin/nginx", "/worker"]);
    }
}
