//! What has to hold between the parts of a sweep: names that exist, and no override without effect.

use super::super::ConfigError;
use super::{Axis, GroupConfig, Override, ScaleConfig, SweepConfig};
use lookahead_runs::Scale;
use lookahead_runs::labels;
use lookahead_runs::labels::{Fault, Named};
use lookahead_settings::text::short;
use lookahead_settings::{Read, Table};

impl SweepConfig {
    pub(super) fn check(&self, table: &Table<'_>) -> Read<()> {
        self.check_panels(table)?;
        self.check_groups()?;
        self.groups.iter().try_for_each(|group| self.check_overrides(group))
    }

    /// Every panel that is named exists, once.
    fn check_panels(&self, table: &Table<'_>) -> Read<()> {
        let panels: Vec<&str> = self.panels.iter().map(|panel| panel.name.as_str()).collect();
        let is_repeated =
            |(place, name): &(usize, &&str)| panels[..*place].iter().any(|other| labels::are_alike(other, name));
        if let Some((_, name)) = panels.iter().enumerate().find(is_repeated) {
            return Err(table.refuse("panel", format!("{:?} twice", short(name)), "names, each once".to_owned()));
        }
        let unknown = |names: &Option<Vec<String>>| {
            let names = names.iter().flatten();
            names.into_iter().find(|name| !panels.contains(&name.as_str())).cloned()
        };
        let accepted = || match panels[..] {
            [""] => "left out: the file has no [[panel]]".to_owned(),
            _ => format!("one of {}", quoted(panels.iter().copied())),
        };
        for GroupConfig { place, label, panels, .. } in &self.groups {
            if let Some(name) = unknown(panels) {
                let (label, name) = (short(label), short(&name));
                let reason = format!("group {label:?}: its panel {name:?} must be {}", accepted());
                return Err(ConfigError::Sweep { place: place.clone(), reason });
            }
        }
        for ScaleConfig { scale, panels, .. } in &self.scales {
            if let Some(name) = unknown(panels) {
                let found = format!("{:?}", short(&name));
                return Err(table.table("scale")?.table(scale.name())?.refuse("panels", found, accepted()));
            }
        }
        match panels.iter().find(|name| self.groups_of(name).next().is_none()) {
            None => Ok(()),
            Some(name) => {
                let accepted = "a panel that a group is in: name it in a group's `panels`, or leave it out".to_owned();
                Err(table.refuse("panel", format!("{:?} without a group", short(name)), accepted))
            }
        }
    }

    /// In every panel each label stands once, and each baseline is another group of it.
    fn check_groups(&self) -> Read<()> {
        let (groups, named): (Vec<&GroupConfig>, Vec<Named<'_>>) = self
            .panels
            .iter()
            .flat_map(|panel| self.groups_of(&panel.name).map(|group| (group, group.named(&panel.name))))
            .unzip();
        let wrong = |group: usize, reason: String| {
            let GroupConfig { place, label, .. } = groups[group];
            Err(ConfigError::Sweep { place: place.clone(), reason: format!("group {:?}: {reason}", short(label)) })
        };
        match labels::check(&named) {
            // The file has a group, and each is in a panel.
            Ok(()) | Err(Fault::NoGroup) => Ok(()),
            Err(Fault::Letter { group, letter }) => wrong(group, format!("no page can show {letter:?}")),
            Err(Fault::Repeated { group }) => {
                let label = short(&groups[group].label);
                wrong(group, format!("{label:?} twice in a panel, white space aside; each label once"))
            }
            Err(Fault::Baseline { group, labels }) => {
                let baseline = groups[group].baseline.as_deref().unwrap_or_default();
                let others = match labels.is_empty() {
                    true => "there is none".to_owned(),
                    false => quoted(labels.iter().map(String::as_str)),
                };
                let reason = format!(
                    "without the baseline {:?}, which must be another group of its panel: {others}",
                    short(baseline)
                );
                wrong(group, reason)
            }
        }
    }

    /// What a group sets for nothing, because something after it always sets the same key, is a mistake.
    fn check_overrides(&self, group: &GroupConfig) -> Read<()> {
        let ignored = |own: &Override, why: String| {
            let (label, key) = (short(&group.label), short(own.key()));
            let reason = format!("group {label:?}: `{key}` has no effect: {why}");
            Err(ConfigError::Sweep { place: own.place.clone(), reason })
        };
        let on = |grid: &[Axis], own: &Override| grid.iter().any(|axis| axis.key == own.key());
        let of_every_scale = |own: &&Override| Scale::ALL.iter().all(|&scale| on(group.grid_at(scale), own));
        if let Some(own) = group.set.iter().find(of_every_scale) {
            return ignored(own, "its grid sets the same key".to_owned());
        }
        let in_point = |own: &&Override| group.point.iter().any(|point| point.key() == own.key());
        if let Some(own) = group.set.iter().find(in_point) {
            return ignored(own, "its point sets the same key".to_owned());
        }
        for &ScaleConfig { scale, .. } in self.scales.iter().filter(|scale| scale.grids) {
            if let Some(own) = group.at(scale).find(|own| on(group.grid_at(scale), own)) {
                return ignored(own, format!("at scale {} its grid is searched, and sets the same key", scale.name()));
            }
        }
        Ok(())
    }
}

impl GroupConfig {
    fn named<'a>(&'a self, panel: &'a str) -> Named<'a> {
        Named { panel, label: &self.label, baseline: self.baseline.as_deref() }
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST_NAMED: usize = 10;
    let mut names: Vec<String> = names.map(|name| format!("{:?}", short(name))).collect();
    if names.len() > MOST_NAMED {
        names.truncate(MOST_NAMED);
        names.push("…".to_owned());
    }
    names.join(", ")
}
