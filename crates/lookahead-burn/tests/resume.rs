//! A run saved at every phase of the cycle goes on with the same bits in a new process, evaluation included: through
//! files, with batch norm in the model. The second process is this test program, started again.

mod device;
mod network;

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use burn::module::Module;
use burn::optim::{AdamConfig, ModuleOptimizer};
use burn::store::ModuleRecord;
use lookahead::{Adaptive, Alpha, Averaging, InnerStatePolicy, LookaheadConfig, SyncPeriod, rules};
use lookahead_burn::{AdamW, Averaged, Error, InnerOptimizer, Lookahead, Record, RuleSet, Sgd};

use network::{Network, bits};

const K: u64 = 3;
/// Saved after 0, 1, …, 2k - 1 steps: every phase, before the first sync and after one.
const SAVED: u64 = 2 * K;
/// The steps compared after a save.
const COMPARED: u64 = 2 * K;

const FOLDER: &str = "LOOKAHEAD_TEST_FOLDER";
const SCENARIO: &str = "LOOKAHEAD_TEST_SCENARIO";
const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];

/// What is saved and resumed, by numbers that a command line can carry.
#[derive(Clone, Copy)]
enum Scenario {
    Momentum { policy: usize, adaptive: bool },
    AdamW { policy: usize, adaptive: bool },
    Nested { policy: usize },
    BlackBox,
    Running,
    Exponential,
    NonMonotonic,
}

/// What a process does with a scenario.
#[derive(Clone, Copy)]
enum Role<'a> {
    /// Trains, saves each state into a folder, starts the second process, and compares.
    First(&'a Path),
    /// Loads each state and trains on.
    Second(&'a Path),
}

#[test]
fn momentum() -> Result<(), Error> {
    all(|policy, adaptive| Scenario::Momentum { policy, adaptive })
}

#[test]
fn adam_w() -> Result<(), Error> {
    all(|policy, adaptive| Scenario::AdamW { policy, adaptive })
}

#[test]
fn nested() -> Result<(), Error> {
    (0..POLICIES.len()).try_for_each(|policy| first_process(Scenario::Nested { policy }))
}

#[test]
fn module_optimizer() -> Result<(), Error> {
    first_process(Scenario::BlackBox)
}

#[test]
fn averages() -> Result<(), Error> {
    [Scenario::Running, Scenario::Exponential, Scenario::NonMonotonic].into_iter().try_for_each(first_process)
}

fn all(scenario: impl Fn(usize, bool) -> Scenario) -> Result<(), Error> {
    for policy in 0..POLICIES.len() {
        first_process(scenario(policy, false))?;
        first_process(scenario(policy, true))?;
    }
    Ok(())
}

fn first_process(scenario: Scenario) -> Result<(), Error> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    play(scenario, Role::First(folder.path()))
}

/// Does nothing unless a test above started this program again.
#[test]
fn second_process() -> Result<(), Error> {
    match (env::var(SCENARIO), env::var(FOLDER)) {
        (Ok(scenario), Ok(folder)) => play(Scenario::from_argument(&scenario), Role::Second(Path::new(&folder))),
        _ => Ok(()),
    }
}

impl Scenario {
    fn to_argument(self) -> String {
        let numbers = match self {
            Self::Momentum { policy, adaptive } => [0, policy, usize::from(adaptive)],
            Self::AdamW { policy, adaptive } => [1, policy, usize::from(adaptive)],
            Self::Nested { policy } => [2, policy, 0],
            Self::BlackBox => [3, 0, 0],
            Self::Running => [4, 0, 0],
            Self::Exponential => [5, 0, 0],
            Self::NonMonotonic => [6, 0, 0],
        };
        numbers.map(|number| number.to_string()).join(",")
    }

    fn from_argument(argument: &str) -> Self {
        let numbers: Vec<usize> = argument.split(',').map(|number| number.parse().expect("a number")).collect();
        let (policy, adaptive) = (numbers[1], numbers[2] == 1);
        match numbers[0] {
            0 => Self::Momentum { policy, adaptive },
            1 => Self::AdamW { policy, adaptive },
            2 => Self::Nested { policy },
            3 => Self::BlackBox,
            4 => Self::Running,
            5 => Self::Exponential,
            6 => Self::NonMonotonic,
            unknown => panic!("scenario {unknown}"),
        }
    }
}

fn config(k: u32, policy: usize, adaptive: bool) -> Result<LookaheadConfig, Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_inner_state(POLICIES[policy]);
    Ok(if adaptive {
        config.with_adaptive_alpha(Adaptive::new().with_low(Alpha::new(0.1)?))
    } else {
        config.with_alpha(Alpha::new(0.4)?)
    })
}

fn play(scenario: Scenario, role: Role<'_>) -> Result<(), Error> {
    let momentum = || -> Result<RuleSet<Sgd>, Error> {
        Ok(RuleSet::new(rules::Sgd::new().with_momentum(0.9)?.with_weight_decay(0.01)?.into()))
    };
    let k = K as u32;
    match scenario {
        Scenario::Momentum { policy, adaptive } => {
            role.play(scenario, Lookahead::around(momentum()?, config(k, policy, adaptive)?)?, |_, _| {})
        }
        Scenario::AdamW { policy, adaptive } => {
            role.play(scenario, Lookahead::with_config(AdamW::new(), config(k, policy, adaptive)?)?, |_, _| {})
        }
        Scenario::Nested { policy } => {
            let inner = Lookahead::around(momentum()?, config(k, policy, false)?)?;
            role.play(scenario, Lookahead::around(inner, config(2 * k, policy, true)?)?, |_, _| {})
        }
        Scenario::BlackBox => {
            let adam: ModuleOptimizer = AdamConfig::new().init();
            role.play(scenario, Lookahead::from_module_optimizer(adam, config(k, 0, true)?)?, |_, _| {})
        }
        Scenario::Running => {
            role.play(scenario, Averaged::new(momentum()?, Averaging::Running { start: 2 }), |_, _| {})
        }
        Scenario::Exponential => {
            role.play(scenario, Averaged::new(momentum()?, Averaging::exponential(0.7)?), |_, _| {})
        }
        Scenario::NonMonotonic => {
            let lookahead = Lookahead::around(momentum()?, config(k, 1, false)?)?;
            let averaged = Averaged::new(lookahead, Averaging::NonMonotonic { patience: 1 });
            role.play(scenario, averaged, |averaged, step| {
                // It fires at the fourth.
                averaged.observe_validation_loss([3.0, 2.0, 2.5, 2.4][step as usize % 4]);
            })
        }
    }
}

impl Role<'_> {
    fn play<I: InnerOptimizer>(
        self,
        scenario: Scenario,
        new: I,
        after_step: impl Fn(&mut I, u64),
    ) -> Result<(), Error> {
        match self {
            Self::First(folder) => {
                let mut run = Run { network: Network::new(), optimizer: new };
                let mut undisturbed = Vec::new();
                for step in 0..SAVED + COMPARED {
                    if step < SAVED {
                        run.save(&folder.join(step.to_string()))?;
                    }
                    run.step(step, &after_step);
                    undisturbed.push(run.state(step));
                }
                start_second_process(scenario, folder);
                for saved in 0..SAVED {
                    let resumed =
                        fs::read_to_string(folder.join(saved.to_string()).join("states")).expect("its states");
                    let resumed: Vec<&str> = resumed.lines().collect();
                    let expected = &undisturbed[saved as usize..][..COMPARED as usize];
                    let what = scenario.to_argument();
                    assert_eq!(resumed.len(), expected.len(), "scenario {what}, saved after {saved} steps");
                    for (later, (resumed, expected)) in resumed.iter().zip(expected).enumerate() {
                        assert_eq!(resumed, expected, "scenario {what}, saved after {saved} steps, {later} steps on");
                    }
                }
            }
            Self::Second(folder) => {
                for saved in 0..SAVED {
                    let folder = folder.join(saved.to_string());
                    let mut run = Run::load(new.clone(), &folder)?;
                    let states = (saved..saved + COMPARED).map(|step| {
                        run.step(step, &after_step);
                        run.state(step)
                    });
                    fs::write(folder.join("states"), states.collect::<Vec<_>>().join("\n")).expect("its states");
                }
            }
        }
        Ok(())
    }
}

fn start_second_process(scenario: Scenario, folder: &Path) {
    let program = env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["--exact", "second_process"]).env(SCENARIO, scenario.to_argument()).env(FOLDER, folder);
    let output = command.output().expect("the second process");
    assert!(output.status.success(), "the second process: {}", String::from_utf8_lossy(&output.stdout));
}

struct Run<I> {
    network: Network,
    optimizer: I,
}

impl<I: InnerOptimizer> Run<I> {
    fn step(&mut self, step: u64, after_step: impl Fn(&mut I, u64)) {
        let lr = [0.1, 0.05, 0.2][step as usize % 3];
        let grads = self.network.gradients(step);
        self.network = self.optimizer.advance(&lr.into(), self.network.clone(), grads);
        after_step(&mut self.optimizer, step);
    }

    /// The weights and statistics, and the scores on the weights to evaluate.
    fn state(&self, step: u64) -> String {
        let weights = self.optimizer.evaluation_weights(&self.network);
        let evaluated = weights.map_or_else(|| self.network.valid(), |weights| weights.apply(&self.network));
        format!("{:x?} evaluated {:x?}", self.network.bits(), bits(evaluated.forward(step)))
    }

    fn save(&self, folder: &Path) -> Result<(), Error> {
        fs::create_dir(folder).expect("a folder");
        fs::write(folder.join("optimizer"), self.optimizer.to_record(&self.network)?.to_bytes()?)
            .expect("the optimizer");
        // Burn's record lacks the last batch-norm update unless it is put in first.
        let _ = self.network.valid();
        self.network.clone().into_record().save(folder.join("network")).expect("the network");
        Ok(())
    }

    /// The weights come without their ids, as from a format that has none.
    fn load(new: I, folder: &Path) -> Result<Self, Error> {
        let record = ModuleRecord::load(folder.join("network")).expect("the network");
        let network = Network::new().load_record(record).with_new_ids();
        let record = Record::from_bytes(&fs::read(folder.join("optimizer")).expect("the optimizer"))?;
        let optimizer = new.load_record(&record, &network)?;
        Ok(Self { network, optimizer })
    }
}
