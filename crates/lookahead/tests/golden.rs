//! The core against the golden trajectories of `testdata/trajectories`, made with PyTorch: every inner rule, policy, k
//! and alpha, at every step (Algorithm 1, App. C.5).

use lookahead::{Error, Grads, Lookahead, Optimizer, ParamSet};
use lookahead_laws::golden::{Case, Inner, Tensor, Trajectories, assert_close, folder};

/// Both programs compute in f64 and differ by rounding alone.
const RELATIVE: f64 = 1e-12;
const ABSOLUTE: f64 = 1e-14;

macro_rules! golden {
    ($($name:ident: $cases:literal cases),+ $(,)?) => {
        $(
            #[test]
            fn $name() -> Result<(), Error> {
                check_file(stringify!($name), $cases)
            }
        )+

        #[test]
        fn every_file_is_checked() {
            let mut found: Vec<String> = std::fs::read_dir(folder())
                .expect("the golden trajectories")
                .map(|entry| entry.expect("a file").file_name().into_string().expect("a name in UTF-8"))
                .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
                .collect();
            found.sort();
            assert_eq!(found, [$(stringify!($name)),+]);
        }
    };
}

// The grid of 36 and the variants.
golden! {
    adafactor: 45 cases,
    adam: 42 cases,
    adam_l2: 42 cases,
    adamw: 42 cases,
    heavy_ball: 42 cases,
    heavy_ball_dampened: 42 cases,
    nesterov: 42 cases,
    sgd: 42 cases,
}

fn check_file(stem: &str, cases: usize) -> Result<(), Error> {
    let file = Trajectories::read(stem);
    assert_eq!(file.cases.len(), cases, "{stem}.toml: the number of cases");
    for case in &file.cases {
        let (lr, inner) = case.inner()?;
        match inner {
            Inner::Sgd(rule) => follow(stem, &file.tensors, case, lr, rule)?,
            Inner::Adam(rule) => follow(stem, &file.tensors, case, lr, rule)?,
            Inner::AdamW(rule) => follow(stem, &file.tensors, case, lr, rule)?,
            Inner::AdaFactor(rule) => follow(stem, &file.tensors, case, lr, rule)?,
        }
    }
    Ok(())
}

/// Runs Lookahead around `rule` for as many steps as the case has, and compares fast and slow weights after each.
fn follow(stem: &str, tensors: &[Tensor], case: &Case, lr: f64, rule: impl Optimizer<f64>) -> Result<(), Error> {
    let optimizer = Lookahead::with_config(rule, case.config()?)?;
    let mut params = ParamSet::new();
    for tensor in tensors {
        params.push(&tensor.name, tensor.shape.as_slice(), tensor.initial.clone())?;
    }
    let mut state = optimizer.init(&params);
    for t in 1..=case.steps() {
        let grads = Grads::new(&params, case.gradients(tensors, &params.to_vecs(), t))?;
        optimizer.step(lr, &mut params, &grads, &mut state);
        for (index, tensor) in tensors.iter().enumerate() {
            let at = format!("{stem}.toml, case {}, step {t}, tensor {}", case.name, tensor.name);
            let (fast, slow) = (params.slice(index), &state.slow()[index]);
            assert_close(&format!("{at}: fast weights"), fast, case.fast(tensor, t), ABSOLUTE, RELATIVE);
            assert_close(&format!("{at}: slow weights"), slow, case.slow(tensor, t), ABSOLUTE, RELATIVE);
        }
    }
    Ok(())
}
