//! Compares pairs of versions with `apk version -t`, for a survey: `apk_version_pairs COUNT [SEED]`. apk must be on `PATH`.

use std::cmp::Ordering;
use std::process::Command;

use mikron_apk::ApkVersionOrder;
use mikron_package::VersionOrder;

/// A small generator of numbers (splitmix64): the survey needs no better one.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn version(&mut self) -> String {
        const NUMBERS: [&str; 8] = ["0", "1", "2", "9", "10", "01", "00", "010"];
        const PARTS: [&str; 20] = [
            "a", "b", "z", "_alpha", "_beta", "_pre", "_rc", "_cvs", "_svn", "_git", "_hg", "_p",
            "~ab", "~0a", "-r0", "-r1", "-r10", "_foo", "-1", ".",
        ];
        let mut version = self.pick(&NUMBERS).to_owned();
        for _ in 0..self.below(5) {
            if self.below(2) == 0 {
                version.push('.');
                version.push_str(self.pick(&NUMBERS));
            } else {
                version.push_str(self.pick(&PARTS));
                if self.below(3) == 0 {
                    version.push_str(self.pick(&NUMBERS));
                }
            }
        }
        version
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments
        .next()
        .map_or(1000, |n| n.parse().expect("a count"));
    let mut numbers = Numbers(arguments.next().map_or(1, |n| n.parse().expect("a seed")));
    let (mut differ, mut valid, mut compared) = (0, 0, 0);
    for _ in 0..count {
        let (a, b) = (numbers.version(), numbers.version());
        let output = Command::new("apk")
            .args(["version", "-t", &a, &b])
            .output()
            .expect("apk runs");
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let ours = match ApkVersionOrder.compare(&a, &b) {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        let checked = Command::new("apk")
            .args(["version", "-q", "--check", &a])
            .status()
            .expect("apk runs");
        let right = ApkVersionOrder.validate(&a).is_ok();
        valid += u32::from(right);
        compared += u32::from(!said.is_empty());
        // Of two texts of which one is no version apk says nothing.
        if (!said.is_empty() && said != ours) || checked.success() != right {
            differ += 1;
            println!(
                "{a} {b}: apk {said} {}, here {ours} {right}",
                checked.success()
            );
        }
    }
    println!(
        "{count} pairs, {compared} compared by apk, {valid} first versions valid, {differ} differ"
    );
}
