//! What is known of distributions without asking anyone: their public hosts and their keys. All constants of that kind
//! stand in this file.

use crate::trust::Keyring;

/// The keys of Debian 11 to 13, as `debian-archive-keyring` has them; see `keyrings/README.md`.
const DEBIAN_KEYS: [&[u8]; 9] = [
    include_bytes!("../../keyrings/debian-bookworm-automatic.asc"),
    include_bytes!("../../keyrings/debian-bookworm-security-automatic.asc"),
    include_bytes!("../../keyrings/debian-bookworm-stable.asc"),
    include_bytes!("../../keyrings/debian-trixie-automatic.asc"),
    include_bytes!("../../keyrings/debian-trixie-security-automatic.asc"),
    include_bytes!("../../keyrings/debian-trixie-stable.asc"),
    include_bytes!("../../keyrings/debian-bullseye-automatic.asc"),
    include_bytes!("../../keyrings/debian-bullseye-security-automatic.asc"),
    include_bytes!("../../keyrings/debian-bullseye-stable.asc"),
];

/// The keyring of the Debian presets.
///
/// ```
/// let keyring = mikron_source::preset::debian_keyring();
/// assert_eq!(keyring.fingerprints()?.len(), 9);
/// # Ok::<(), mikron_source::trust::TrustError>(())
/// ```
pub fn debian_keyring() -> Keyring {
    Keyring::embedded(&DEBIAN_KEYS)
}
