//! The description of a sweep: what all runs share, the groups that are compared, grids, seeds, and three scales.

mod check;
mod overrides;

use std::num::NonZeroU32;

use super::{ConfigError, OptimizerConfig, Place, RunConfig, SgdConfig};
use lookahead_runs::Figure;
use lookahead_runs::Scale;
use lookahead_settings::{Read, Table, read_document};

pub use self::overrides::{Axis, Override};

/// A sweep as its file describes it.
///
/// Overrides are texts `KEY=VALUE`, as [`RunConfig::set`] takes them. They apply in this order: the panel's, the
/// scale's, the group's, the group's for the scale, its point, then its grid where that is searched. A key of the point
/// that the group sets for the scale too has the scale's value. The seed is nobody's to set: the sweep gives each run its own.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepConfig {
    /// The file, as it was named to the reader.
    pub file: String,
    /// A heading for people.
    pub title: String,
    /// What the runs are drawn as. Default curves.
    pub figure: Figure,
    /// Seeds of the tuning, which are none of the results'. Default 1.
    pub tuning_seeds: NonZeroU32,
    /// What is said of every run, one sentence each.
    pub notes: Vec<String>,
    /// What all runs share; the table `[run]`. Its optimizer may be left out where each group sets one.
    pub run: RunConfig,
    /// Plots and tables of their own. Default: one, without a name.
    pub panels: Vec<PanelConfig>,
    /// What is compared.
    pub groups: Vec<GroupConfig>,
    /// The scales it can run at. Default: all, each with three seeds.
    pub scales: Vec<ScaleConfig>,
}

/// One of several plots; a table `[[panel]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PanelConfig {
    /// Its name, such as `CIFAR-10`.
    pub name: String,
    /// Overrides of its runs.
    pub set: Vec<Override>,
}

/// One line of a plot; a table `[[group]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// Where its label stands.
    pub place: Place,
    /// Its name, such as `Lookahead`; once in each panel.
    pub label: String,
    /// The group of the same panel it is compared with.
    pub baseline: Option<String>,
    /// The panels it is in. Default: all.
    pub panels: Option<Vec<String>>,
    /// Overrides of its runs.
    pub set: Vec<Override>,
    /// Further overrides for single scales, in `smoke`, `small` and `paper`.
    pub at_scale: Vec<(Scale, Vec<Override>)>,
    /// The keys that are searched, each with its values.
    pub grid: Vec<Axis>,
    /// The grids of single scales, in place of `grid` where not empty.
    pub scale_grids: Vec<(Scale, Vec<Axis>)>,
    /// The point of the grid that is used where it is not searched; where it is, what the grid leaves of it.
    pub point: Vec<Override>,
}

/// How large a sweep is run; a table `[scale.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleConfig {
    /// Which.
    pub scale: Scale,
    /// The number of seeds. Default 3.
    pub seeds: NonZeroU32,
    /// Whether grids are searched. Default false.
    pub grids: bool,
    /// The panels it has. Default: all.
    pub panels: Option<Vec<String>>,
    /// Overrides of all runs.
    pub set: Vec<Override>,
    /// The data, in words.
    pub data: String,
    /// Where it departs from the paper, one sentence each.
    pub notes: Vec<String>,
}

/// The keys of a sweep, none of which a run has.
pub(super) const KEYS: [&str; 8] = ["title", "figure", "tuning_seeds", "notes", "run", "panel", "group", "scale"];
/// The most panels, groups, values of an axis, names and sentences.
const MOST: usize = 64;
/// The most seeds.
const MOST_SEEDS: u32 = 1000;
/// The most letters of a title, and of a note or another description.
const LONGEST_TITLE: usize = 1000;
const LONGEST_NOTE: usize = 10_000;

impl SweepConfig {
    /// Reads a sweep; `file` names it in errors.
    ///
    /// # Errors
    /// [`ConfigError`], with the line where one can be told.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        const RUN: &str = "this is a single run, which `lookahead train` takes";
        let read = |table: &Table<'_>| {
            Self::from_table(table, file).map_err(|error| error.or_of_another_document(table, &super::KEYS, RUN))
        };
        read_document(text, file, read)
    }

    /// Reads a sweep from its parsed document; `file` names it in errors.
    ///
    /// # Errors
    /// As [`SweepConfig::parse`].
    pub fn from_table(table: &Table<'_>, file: &str) -> Read<Self> {
        const FIGURES: [(&str, Figure); 3] =
            [("curves", Figure::Curves), ("trace", Figure::Trace), ("plane", Figure::Plane)];
        table.accept(&KEYS)?;
        let scales = table.table("scale")?;
        scales.accept(&["smoke", "small", "paper"])?;
        let run = table.table("run")?;
        if let Some(seed) = run.get("seed") {
            return Err(seed.refuse("left out: the sweep gives each run its seed"));
        }
        let panel = || vec![PanelConfig::default()];
        let groups = table.required("group", |e| e.some(MOST, "groups", |e| GroupConfig::read(&e.table()?)))?;
        // Each group replaces it.
        let is_left_out = run.get("optimizer").is_none() && groups.iter().all(GroupConfig::sets_optimizer);
        let stand_in = is_left_out.then(|| OptimizerConfig::Sgd(SgdConfig::default()));
        let sweep = Self {
            file: file.to_owned(),
            title: table.required("title", |e| e.prose("a heading, as a string", LONGEST_TITLE))?,
            figure: table.or("figure", Figure::Curves, |e| e.one_of(&FIGURES))?,
            tuning_seeds: table.or("tuning_seeds", NonZeroU32::MIN, |e| e.count_to(MOST_SEEDS))?,
            notes: notes(table)?,
            run: RunConfig::read(&run, stand_in)?,
            panels: table.or("panel", panel(), |e| e.some(MOST, "panels", |e| PanelConfig::read(&e.table()?)))?,
            groups,
            scales: Scale::ALL
                .into_iter()
                // A sweep that describes none runs at each of them alike.
                .filter(|scale| table.get("scale").is_none() || scales.get(scale.name()).is_some())
                .map(|scale| ScaleConfig::read(scale, &scales.table(scale.name())?))
                .collect::<Read<_>>()?,
        };
        sweep.check(table)?;
        Ok(sweep)
    }

    /// The groups of a panel, in the file's order.
    pub fn groups_of<'a>(&'a self, panel: &'a str) -> impl Iterator<Item = &'a GroupConfig> + Clone {
        let is_in =
            move |group: &&GroupConfig| group.panels.as_ref().is_none_or(|panels| panels.iter().any(|p| p == panel));
        self.groups.iter().filter(is_in)
    }
}

impl PanelConfig {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["name", "set"])?;
        Ok(Self { name: table.required("name", |e| e.name())?, set: overrides::read(table, "set")? })
    }
}

impl GroupConfig {
    fn read(table: &Table<'_>) -> Read<Self> {
        const GRIDS: [(&str, Scale); 3] =
            [("smoke_grid", Scale::Smoke), ("small_grid", Scale::Small), ("paper_grid", Scale::Paper)];
        table.accept(&[
            "label",
            "baseline",
            "panels",
            "set",
            "smoke",
            "small",
            "paper",
            "grid",
            "smoke_grid",
            "small_grid",
            "paper_grid",
            "point",
        ])?;
        let at_scale = Scale::ALL.into_iter().map(|scale| Ok((scale, overrides::read(table, scale.name())?)));
        let scale_grids = GRIDS.into_iter().map(|(key, scale)| Ok((scale, overrides::read_grid(&table.table(key)?)?)));
        Ok(Self {
            place: table.get("label").map_or_else(|| table.place(), |label| label.place()),
            label: table.required("label", |e| e.name())?,
            baseline: table.optional("baseline", |e| e.name())?,
            panels: panels(table)?,
            set: overrides::read(table, "set")?,
            at_scale: at_scale.collect::<Read<_>>()?,
            grid: overrides::read_grid(&table.table("grid")?)?,
            scale_grids: scale_grids.collect::<Read<_>>()?,
            point: overrides::read(table, "point")?,
        })
    }

    /// Whether it sets the whole optimizer, at every scale.
    fn sets_optimizer(&self) -> bool {
        self.set.iter().any(|own| own.key() == "optimizer")
    }

    /// What is searched at a scale.
    pub fn grid_at(&self, scale: Scale) -> &[Axis] {
        let own = self.scale_grids.iter().find(|(at, grid)| *at == scale && !grid.is_empty());
        own.map_or(&self.grid, |(_, grid)| grid)
    }

    /// What it sets at a scale alone.
    pub fn at(&self, scale: Scale) -> impl Iterator<Item = &Override> {
        self.at_scale.iter().filter(move |(at, _)| *at == scale).flat_map(|(_, set)| set)
    }
}

impl ScaleConfig {
    fn read(scale: Scale, table: &Table<'_>) -> Read<Self> {
        const THREE: NonZeroU32 = NonZeroU32::new(3).unwrap();
        table.accept(&["seeds", "grids", "panels", "set", "data", "notes"])?;
        Ok(Self {
            scale,
            seeds: table.or("seeds", THREE, |e| e.count_to(MOST_SEEDS))?,
            grids: table.or("grids", false, |e| e.flag())?,
            panels: panels(table)?,
            set: overrides::read(table, "set")?,
            data: table.or("data", String::new(), |e| e.prose("a description, as a string", LONGEST_NOTE))?,
            notes: notes(table)?,
        })
    }
}

fn panels(table: &Table<'_>) -> Read<Option<Vec<String>>> {
    table.optional("panels", |e| e.different(MOST, "names", |e| e.name()))
}

fn notes(table: &Table<'_>) -> Read<Vec<String>> {
    table.or("notes", vec![], |e| e.list(MOST, "sentences", |e| e.prose("a sentence, as a string", LONGEST_NOTE)))
}
