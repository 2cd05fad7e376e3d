//! A sweep: panels, groups, grids and seeds made into runs, and the artifact that lists them.

mod effect;
mod figure;
mod jobs;
mod points;
mod request;

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

pub use self::figure::check_path;
pub use self::jobs::{Follow, Job, do_runs, do_runs_as_worker};
pub use self::request::Request;

use self::points::{count, in_words, point_at, points, tuning};
use crate::Error;
use crate::config::{GroupConfig, Override, PanelConfig, RunConfig, ScaleConfig, SweepConfig, is_below, key_of};
use lookahead_data::config::DataConfig;
use lookahead_runs::labels::{self, Fault};
use lookahead_runs::{Artifact, Candidate, Group, Paper, Source};
use lookahead_settings::ConfigError;
use lookahead_settings::text::{on_one_line, short};

/// Seeds of the tuning start here, so that no result is of a seed that was tuned on.
const TUNING_SEEDS: u64 = 1000;

/// The most runs of a plan, counted before any is made.
const MOST_RUNS: usize = 100_000;

/// Runs to be done, in order, and the artifact that lists them.
#[derive(Debug)]
pub struct Plan {
    /// What the report reads.
    pub artifact: Artifact,
    /// Every run once.
    pub runs: Vec<PlannedRun>,
}

/// One run of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun {
    /// What it is, for people.
    pub label: String,
    /// Its configuration.
    pub config: RunConfig,
}

/// A sweep by its name.
#[derive(Debug)]
pub struct Sweep {
    /// The artifact's name.
    pub name: String,
    /// The file that describes it, if it is one of the user's.
    pub source: Option<Source>,
    /// The description.
    pub config: SweepConfig,
    /// What the paper says.
    pub paper: Paper,
}

impl Sweep {
    /// The runs that a request asks for: every group of every panel with every seed, and every point of a grid where the
    /// scale searches it.
    ///
    /// # Errors
    /// [`Error::NoScale`]; [`Error::Config`] for a wrong override, and for all that the report would refuse.
    pub fn plan(&self, request: &Request) -> Result<Plan, Error> {
        let scale = self.scale(request)?;
        let seeds = u64::from(request.seeds.unwrap_or(scale.seeds).get());
        let searched = |group: &GroupConfig| if scale.grids { group.grid_at(scale.scale).to_vec() } else { vec![] };
        let groups = self.groups(scale);
        self.check_number(groups.clone().map(|(_, group)| count(&searched(group))), seeds)?;
        let (mut artifact, mut runs) = (self.artifact(request, scale), Runs::default());
        let mut data = Vec::new();
        for (panel, group) in groups {
            let point = point_at(group, scale.scale);
            let mut entry = entry(panel, group, tuning(group.grid_at(scale.scale), &point, scale.grids));
            let described = self.described(scale, panel, group)?;
            let (grid, mut data_of_group) = (searched(group), Vec::new());
            if grid.is_empty() {
                let config = self.at_point(&described, request, group, &point)?;
                entry.runs = runs.add(&entry, &config, 0..seeds);
                data_of_group.push(config.data);
            } else {
                for tried in points(&grid) {
                    let point = [&point[..], &tried].concat();
                    let config = self.at_point(&described, request, group, &point)?;
                    let runs = runs.add(&entry, &config, 0..seeds);
                    entry.candidates.push(Candidate { label: in_words(&tried), runs });
                    data_of_group.push(config.data);
                }
            }
            artifact.groups.push(entry);
            data.push(data_of_group);
        }
        self.check_data(&artifact.groups, &data)?;
        figure::check(self.config.figure, &runs.planned).map_err(|reason| self.refuse(reason))?;
        self.checked(artifact, runs)
    }

    /// The tuning: every point of every grid, on seeds of its own.
    ///
    /// # Errors
    /// [`Error::NoScale`]; [`Error::Config`] for a wrong override, or where there is no grid.
    pub fn tuning_plan(&self, request: &Request) -> Result<Plan, Error> {
        let scale = self.scale(request)?;
        let seeds = u64::from(request.seeds.unwrap_or(self.config.tuning_seeds).get());
        let groups = self.groups(scale).filter(|(_, group)| !group.grid_at(scale.scale).is_empty());
        self.check_number(groups.clone().map(|(_, group)| count(group.grid_at(scale.scale))), seeds)?;
        let (mut artifact, mut runs) = (self.artifact(request, scale), Runs::default());
        artifact.artifact = format!("{}_tuning", self.name);
        artifact.title = format!("The grids of: {}", self.config.title);
        artifact.paper = Paper::default();
        for (panel, group) in groups {
            let described = self.described(scale, panel, group)?;
            for tried in points(group.grid_at(scale.scale)) {
                let point = [point_at(group, scale.scale), tried.clone()].concat();
                let config = self.at_point(&described, request, group, &point)?;
                let label = format!("{}, {}", group.label, in_words(&tried));
                let tuning = tuning(group.grid_at(scale.scale), &[], true);
                let mut entry = Group { label, baseline: None, ..entry(panel, group, tuning) };
                entry.runs = runs.add(&entry, &config, TUNING_SEEDS..TUNING_SEEDS + seeds);
                artifact.groups.push(entry);
            }
        }
        if runs.planned.is_empty() {
            let (option, reason) = ("--tune", "there is nothing to tune");
            return Err(ConfigError::OptionNotTaken { artifact: self.name.clone(), option, reason }.into());
        }
        self.checked(artifact, runs)
    }

    /// The scale that is asked for, if the overrides leave what the sweep is about.
    fn scale(&self, request: &Request) -> Result<&ScaleConfig, Error> {
        let scales = &self.config.scales;
        let scale = scales.iter().find(|scale| scale.scale == request.scale).ok_or_else(|| Error::NoScale {
            sweep: self.name.clone(),
            scale: request.scale.name(),
            known: scales.iter().map(|scale| scale.scale.name()).collect(),
        })?;
        request.overrides.iter().try_for_each(|text| self.check_override(text, scale))?;
        self.check_all_scales()?;
        Ok(scale)
    }

    /// A slip in what only another scale sets, or in a grid, shows in the first run, however small.
    fn check_all_scales(&self) -> Result<(), Error> {
        for scale in &self.config.scales {
            for (panel, group) in self.groups(scale) {
                let described = self.described(scale, panel, group)?;
                for axis in group.grid_at(scale.scale) {
                    for point in points(std::slice::from_ref(axis)) {
                        self.set_point(described.clone(), group, &point)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The configuration at a point of a group's grid.
    fn set_point(&self, mut config: RunConfig, group: &GroupConfig, point: &[Override]) -> Result<RunConfig, Error> {
        for own in point {
            own.apply(&mut config, || format!("group {:?}", short(&group.label)))?;
        }
        Ok(config)
    }

    fn groups<'a>(
        &'a self,
        scale: &'a ScaleConfig,
    ) -> impl Iterator<Item = (&'a PanelConfig, &'a GroupConfig)> + Clone {
        let is_run = |panel: &&PanelConfig| scale.panels.as_ref().is_none_or(|names| names.contains(&panel.name));
        let groups = |panel: &'a PanelConfig| self.config.groups_of(&panel.name).map(move |group| (panel, group));
        self.config.panels.iter().filter(is_run).flat_map(groups)
    }

    /// What is too much is refused before memory is asked for.
    fn check_number(&self, points: impl Iterator<Item = usize>, seeds: u64) -> Result<(), Error> {
        let runs = points.fold(0, usize::saturating_add).saturating_mul(seeds as usize);
        match runs <= MOST_RUNS {
            true => Ok(()),
            false => Err(self.refuse(format!("{runs} runs; at most {MOST_RUNS} are accepted"))),
        }
    }

    /// The configuration of a group before its grid, its point and the command line.
    fn described(&self, scale: &ScaleConfig, panel: &PanelConfig, group: &GroupConfig) -> Result<RunConfig, Error> {
        let mut config = self.config.run.clone();
        let set = |config: &mut RunConfig, own: &Override, part: &str, name: &str| {
            own.apply(config, || format!("{part} {:?}", short(name)))
        };
        panel.set.iter().try_for_each(|own| set(&mut config, own, "panel", &panel.name))?;
        scale.set.iter().try_for_each(|own| set(&mut config, own, "scale", scale.scale.name()))?;
        let of_group = group.set.iter().chain(group.at(scale.scale));
        of_group.into_iter().try_for_each(|own| set(&mut config, own, "group", &group.label))?;
        Ok(config)
    }

    fn at_point(
        &self,
        described: &RunConfig,
        request: &Request,
        group: &GroupConfig,
        point: &[Override],
    ) -> Result<RunConfig, Error> {
        let mut config = self.set_point(described.clone(), group, point)?;
        let own = effect::of(group, request.scale, point);
        if let Some(undone) = effect::undone(&config, &own) {
            let reason = format!(
                "group {:?}: `{}` has no effect: another key undoes it",
                short(&group.label),
                short(undone.key())
            );
            return Err(ConfigError::Sweep { place: undone.place.clone(), reason }.into());
        }
        for text in &request.overrides {
            config.set(text)?;
            if let Some(undone) = effect::undone(&config, &own) {
                return Err(ConfigError::FixedKey { text: text.clone(), key: undone.key().to_owned() }.into());
            }
        }
        config.check_made(&request.overrides)?;
        if config.data.source.is_in_files() {
            config.data.dir = request.data.clone().or(config.data.dir);
            if let Some(source) = &self.source {
                config.data.look_beside(Path::new(&source.file));
            }
        }
        if let Some(device) = request.device {
            config.device = device;
        }
        Ok(config)
    }

    /// What the sweep compares, or says of itself, cannot be overridden: the report would be untrue.
    fn check_override(&self, text: &str, scale: &ScaleConfig) -> Result<(), Error> {
        let groups = self.config.groups.iter();
        let own = groups.flat_map(|group| {
            let grid = group.grid_at(scale.scale).iter().map(|axis| axis.key.as_str());
            let at_scale = group.at_scale.iter().flat_map(|(_, set)| set);
            group.set.iter().chain(at_scale).chain(&group.point).map(Override::key).chain(grid)
        });
        let panels = self.config.panels.iter().flat_map(|panel| &panel.set).map(Override::key);
        let fixed = own.chain(panels).chain(["seed"]);
        let fixed = fixed.chain((!scale.data.is_empty()).then_some("data"));
        let given = key_of(text);
        let clashes = |fixed: &&str| given == *fixed || is_below(given, fixed) || is_below(fixed, given);
        match fixed.into_iter().find(clashes) {
            Some(fixed) => Err(ConfigError::FixedKey { text: text.to_owned(), key: fixed.to_owned() }.into()),
            None => Ok(()),
        }
    }

    fn artifact(&self, request: &Request, scale: &ScaleConfig) -> Artifact {
        let mut notes: Vec<String> = self.config.notes.iter().chain(&scale.notes).cloned().collect();
        if !request.overrides.is_empty() {
            notes.push(format!("Changed on the command line: {}.", request.overrides.join(", ")));
        }
        Artifact {
            artifact: self.name.clone(),
            scale: request.scale.name().to_owned(),
            title: self.config.title.clone(),
            command: request.command.clone(),
            source: self.source.clone(),
            data: scale.data.clone(),
            notes,
            figure: self.config.figure,
            paper: self.paper.clone(),
            groups: vec![],
        }
    }

    /// The plan, if a report can be made of it.
    fn checked(&self, artifact: Artifact, runs: Runs) -> Result<Plan, Error> {
        let label = |group: usize| format!("{:?}", short(&artifact.groups[group].label));
        labels::check(&artifact.named()).map_err(|fault| {
            self.refuse(match fault {
                Fault::NoGroup => format!("no group is in a panel of the scale {}", artifact.scale),
                Fault::Letter { group, letter } => format!("group {}: no page can show {letter:?}", label(group)),
                Fault::Repeated { group } => format!("two groups of a panel would be labelled {}", label(group)),
                Fault::Baseline { group, .. } => format!("group {} is without its baseline", label(group)),
            })
        })?;
        Ok(Plan { artifact, runs: runs.planned })
    }

    /// What is compared is evaluated on the same examples: the points of a grid, and a group with its baseline. All learn the
    /// same kind of thing, whose measures the report has.
    fn check_data(&self, groups: &[Group], data: &[Vec<DataConfig>]) -> Result<(), Error> {
        let kind = |place: usize| data[place][0].source.kind();
        if let Some(other) = (1..groups.len()).find(|&place| kind(place) != kind(0)) {
            let label = |place: usize| in_panel(&groups[place]);
            return Err(self.refuse(format!(
                "{} learns {}, {} learns {}: a sweep has one of images, texts and translations; the other is a sweep of its own",
                label(0), kind(0).learnt(), label(other), kind(other).learnt()
            )));
        }
        for (group, own) in groups.iter().zip(data) {
            let is_baseline =
                |other: &Group| other.panel == group.panel && Some(&other.label) == group.baseline.as_ref();
            let baseline = groups.iter().position(is_baseline).and_then(|place| data[place].first());
            let (first, whose) = match baseline {
                Some(first) => (first, "its baseline"),
                None => (&own[0], "the first point of its grid"),
            };
            if own.iter().any(|data| !data.is_evaluated_like(first)) {
                return Err(self.refuse(format!(
                    "group {:?}: its validation data are not those of {whose}, so that nothing could be compared; in `data` they \
                     may differ by `augmentation`, and of images by `train_limit`",
                    short(&group.label)
                )));
            }
        }
        Ok(())
    }

    fn refuse(&self, reason: String) -> Error {
        ConfigError::Plan { sweep: self.config.file.clone(), reason }.into()
    }
}

/// The runs of a plan in the making, each once.
#[derive(Default)]
struct Runs {
    planned: Vec<PlannedRun>,
    ids: HashSet<String>,
}

impl Runs {
    /// Adds a run for each seed, unless it is there already, and gives their ids.
    fn add(&mut self, group: &Group, config: &RunConfig, seeds: Range<u64>) -> Vec<String> {
        let label = on_one_line(&in_panel(group));
        let add = |seed: u64| {
            let config = RunConfig { seed, ..config.clone() };
            let id = config.id();
            if self.ids.insert(id.clone()) {
                self.planned.push(PlannedRun { label: format!("{label} seed {seed}"), config });
            }
            id
        };
        seeds.map(add).collect()
    }
}

fn entry(panel: &PanelConfig, group: &GroupConfig, tuning: String) -> Group {
    Group {
        label: group.label.clone(),
        baseline: group.baseline.clone(),
        tuning,
        panel: panel.name.clone(),
        runs: vec![],
        candidates: vec![],
    }
}

fn in_panel(group: &Group) -> String {
    if group.panel.is_empty() { group.label.clone() } else { format!("{}, {}", group.panel, group.label) }
}
