//! `mikron config`: the user's settings, and what else holds on this machine.

use mikron::Settings;
use mikron::source::Environment;

use super::{print, print_json};
use crate::arguments::ConfigAction;
use crate::failure::Failure;
use crate::text::{printable, table};

pub(crate) fn run(action: Option<&ConfigAction>, json: bool) -> Result<(), Failure> {
    let environment = Environment::of_process();
    if let Some(action) = action {
        let file = match action {
            ConfigAction::Set { key, values } => Settings::set(&environment, key, values)?,
            ConfigAction::Unset { key } => Settings::unset(&environment, key)?,
        };
        let file = file.display().to_string();
        return print(&format!("written to {}\n", printable(&file)));
    }
    let settings = Settings::overview(&environment)?;
    if json {
        return print_json(&settings);
    }
    let row = |setting: &mikron::Setting| {
        let value = match setting.values.as_slice() {
            [] => "not known".to_owned(),
            values => values.join(" "),
        };
        let from = setting.from.iter().map(|from| format!("({from})"));
        vec![setting.key.clone(), value, from.collect()]
    };
    print(&table(settings.iter().map(row).collect(), &[]))
}
