//! The plane and the surface over it, against what geometry says.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::TensorData;
use lookahead_runs::Stop;
use lookahead_runs::Surface;
use lookahead_training::Error;
use lookahead_training::plane::{Grid, Plane, PlaneError, Survey, WeightPath};
use tempfile::TempDir;

use super::made::write_path;

/// From (1, 1, 1, 1): the plane is that of the first two weights, the distance is that of the other two.
const POINTS: [(&str, [f32; 4]); 7] = [
    ("fast.0", [1.0, 1.0, 1.0, 1.0]),
    ("fast.1", [2.0, 0.0, 1.5, 1.0]),
    ("fast.2", [3.0, 4.0, 1.0, 1.0]),
    ("fast.3", [4.0, 2.0, 4.0, 5.0]),
    ("fast.4", [5.0, 1.0, 1.0, 1.0]),
    ("slow.0", [1.0, 1.0, 1.0, 1.0]),
    ("slow.4", [3.0, 1.0, 1.0, 1.0]),
];

fn path_of(points: &[(&str, [f32; 4])]) -> WeightPath {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("path.safetensors");
    write_path(&file, points);
    WeightPath::read(&file).unwrap()
}

fn survey(folder: &Path, columns: u32, rows: u32) -> Survey {
    Survey {
        grid: Grid::new(columns, rows, 0.25).unwrap(),
        examples: 100,
        batch_norm: String::new(),
        beside: None,
        of: "run 1".to_owned(),
        file: folder.join("plane.json"),
    }
}

/// 1/2 + w1/16 - w2/32 + w3/64 + w4/128
fn linear(weights: &BTreeMap<String, TensorData>) -> f64 {
    let body = weights["body.weight"].as_slice::<f32>().unwrap();
    let head = weights["head.bias"].as_slice::<f32>().unwrap();
    let [a, b, c, d] = [body[0], body[1], body[2], head[0]].map(f64::from);
    0.5 + a / 16.0 - b / 32.0 + c / 64.0 + d / 128.0
}

fn measure(plane: &Plane<'_>, survey: &Survey) -> Surface {
    plane.surface(survey, |weights| Ok(linear(&weights)), &mut |_, _| {}, &Stop::new()).unwrap()
}

#[test]
fn coordinates_and_distances_are_those_of_the_plane() {
    let path = path_of(&POINTS);
    let plane = Plane::through(&path).unwrap();
    assert_eq!(plane.anchors(), [0, 2, 4]);
    // (4, 2, 4, 5) - (1, 1, 1, 1) = (3, 1, 3, 4): at (3, 1), sqrt(3^2 + 4^2) = 5 from the plane.
    assert_eq!(plane.fast(), [[0.0; 3], [1.0, -1.0, 0.5], [2.0, 3.0, 0.0], [3.0, 1.0, 5.0], [4.0, 0.0, 0.0]]);
    assert_eq!(plane.slow(), [[0.0; 3], [2.0, 0.0, 0.0]]);
}

#[test]
fn a_plane_at_an_angle_keeps_lengths() {
    let points = [
        ("fast.0", [0.3, -1.2, 0.7, 2.0]),
        ("fast.1", [0.9, 0.4, -0.2, 1.1]),
        ("fast.2", [-0.5, 1.6, 0.8, 0.4]),
        ("fast.3", [1.7, 0.2, -1.9, 0.6]),
    ];
    let path = path_of(&points);
    let plane = Plane::through(&path).unwrap();
    assert_eq!(plane.anchors(), [0, 1, 3]);
    for (&(_, weights), [x, y, distance]) in points.iter().zip(plane.fast()) {
        let squares = weights.iter().zip(points[0].1).map(|(a, b)| (f64::from(*a) - f64::from(b)).powi(2));
        // |theta - theta_0|^2 = x^2 + y^2 + distance^2
        assert!((squares.sum::<f64>() - (x * x + y * y + distance * distance)).abs() < 1e-12);
        let there = plane.weights(x, y);
        let found = [&there["body.weight"], &there["head.bias"]].map(|data| data.as_slice::<f32>().unwrap()).concat();
        let error = found.iter().zip(weights).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
        assert!((error - distance).abs() < 1e-6, "{error} instead of {distance}");
    }
    let fast = plane.fast();
    assert!(fast[3][0] > 0.0 && fast[3][1].abs() < 1e-12 && fast[1][1] > 0.0);
}

#[test]
fn a_linear_function_is_reproduced_at_every_point_of_the_grid() {
    let path = path_of(&POINTS);
    let plane = Plane::through(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let surface = measure(&plane, &survey(folder.path(), 7, 5));
    // The points reach from 0 to 4 and from -1 to 3; a quarter of 4 on each side.
    assert_eq!(surface.x, [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(surface.y, [-2.0, -0.5, 1.0, 2.5, 4.0]);
    for (row, y) in surface.accuracy.iter().zip(&surface.y) {
        for (accuracy, x) in row.iter().zip(&surface.x) {
            // On the plane w = (1 + x, 1 + y, 1, 1).
            assert_eq!(*accuracy, 0.5 + (1.0 + x) / 16.0 - (1.0 + y) / 32.0 + 1.0 / 64.0 + 1.0 / 128.0);
        }
    }
    assert_eq!((surface.fast, surface.slow), (plane.fast(), plane.slow()));
    assert_eq!((surface.fast_updates, surface.slow_updates), (vec![0, 1, 2, 3, 4], vec![0, 4]));
}

#[test]
fn a_path_beside_begins_at_the_same_weights_and_widens_the_grid() {
    let path = path_of(&POINTS);
    let plane = Plane::through(&path).unwrap();
    let start = ("fast.0", [1.0, 1.0, 1.0, 1.0]);
    let other = path_of(&[start, ("fast.1", [9.0, 2.0, 4.0, 5.0]), ("slow.0", [1.0; 4])]);
    let beside = plane.beside("SGD", &other).unwrap();
    assert_eq!((&*beside.points, &*beside.updates), (&[[0.0; 3], [8.0, 1.0, 5.0]][..], &[0, 1][..]));
    let folder = tempfile::tempdir().unwrap();
    let alone = measure(&plane, &survey(folder.path(), 3, 3));
    let both = measure(&plane, &Survey { beside: Some(beside.clone()), ..survey(folder.path(), 3, 3) });
    // The points reach from 0 to 8 now; a quarter of 8 on each side.
    assert_eq!((both.x, both.beside), (vec![-2.0, 4.0, 10.0], Some(beside)));
    assert_ne!(alone.question, both.question);

    let elsewhere = path_of(&[("fast.0", [1.0, 1.0, 1.0, 1.5]), ("fast.1", [2.0; 4]), ("slow.0", [1.0; 4])]);
    let later = path_of(&[("fast.1", [1.0; 4]), ("slow.1", [1.0; 4])]);
    for other in [elsewhere, later] {
        let error = plane.beside("SGD", &other).unwrap_err();
        assert!(matches!(&error, PlaneError::OtherStart { label } if label == "SGD"), "{error}");
    }
}

#[test]
fn a_narrow_path_is_seen_in_a_wide_rectangle() {
    let path = path_of(&[("fast.0", [0.0; 4]), ("fast.1", [5.0, 0.1, 0.0, 0.0]), ("fast.2", [10.0, 0.0, 0.0, 0.0])]);
    let plane = Plane::through(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let surface = measure(&plane, &survey(folder.path(), 3, 3));
    // 10 and a quarter on each side; 0.6 of it, about the middle at 0.05.
    assert_eq!(surface.x, [-2.5, 5.0, 12.5]);
    for (y, expected) in surface.y.iter().zip([-4.45, 0.05, 4.55]) {
        assert!((y - expected).abs() < 1e-6, "{y} instead of {expected}");
    }
}

/// Measures until `most` points are done, and says how many were.
fn measure_some(plane: &Plane<'_>, survey: &Survey, most: usize) -> (usize, Result<Surface, Error>) {
    let (count, stop) = (Cell::new(0), Stop::new());
    let surface = plane.surface(
        survey,
        |weights| {
            count.set(count.get() + 1);
            if count.get() >= most {
                stop.ask();
            }
            Ok(linear(&weights))
        },
        &mut |_, _| {},
        &stop,
    );
    (count.get(), surface)
}

fn files(folder: &TempDir) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_stopped_survey_continues_where_it_stood() {
    let path = path_of(&POINTS);
    let plane = Plane::through(&path).unwrap();
    let [whole, parts] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let expected = measure(&plane, &survey(whole.path(), 5, 4));

    let asked = survey(parts.path(), 5, 4);
    let (count, stopped) = measure_some(&plane, &asked, 7);
    assert_eq!(count, 7);
    assert!(matches!(stopped, Err(Error::Interrupted)));
    assert_eq!(files(&parts), ["plane.json.part"]);

    let (count, surface) = measure_some(&plane, &asked, usize::MAX);
    assert_eq!((count, surface.unwrap()), (20 - 7, expected.clone()));
    assert_eq!(files(&parts), ["plane.json"]);
    let [a, b] = [&whole, &parts].map(|folder| fs::read(folder.path().join("plane.json")).unwrap());
    assert_eq!(a, b);

    assert_eq!(measure_some(&plane, &asked, usize::MAX).0, 0, "what is complete is not measured again");
    for other in [
        Survey { of: "run 2".to_owned(), ..asked.clone() },
        Survey { examples: 99, ..asked.clone() },
        Survey { batch_norm: "other".to_owned(), ..asked.clone() },
        survey(parts.path(), 4, 5),
    ] {
        assert_eq!(measure_some(&plane, &other, usize::MAX).0, 20);
    }
}

#[test]
fn a_failed_survey_keeps_its_rows_and_a_damaged_part_is_measured_again() {
    let path = path_of(&POINTS);
    let plane = Plane::through(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let asked = survey(folder.path(), 5, 4);
    let (count, stop) = (Cell::new(0), Stop::new());
    let mut seen = Vec::new();
    let failing = |weights: BTreeMap<String, TensorData>| {
        count.set(count.get() + 1);
        Ok(if count.get() == 13 { f64::NAN } else { linear(&weights) })
    };
    let error = plane.surface(&asked, failing, &mut |done, all| seen.push((done, all)), &stop).unwrap_err();
    assert!(matches!(error, Error::Plane(PlaneError::OutOfRange { .. })), "{error}");
    assert_eq!(seen, (0..=12).map(|done| (done, 20)).collect::<Vec<_>>());
    assert_eq!(measure_some(&plane, &asked, usize::MAX).0, 10, "two rows of five are kept");

    fs::remove_file(&asked.file).unwrap();
    measure_some(&plane, &asked, 7).1.unwrap_err();
    let part = folder.path().join("plane.json.part");
    let text = fs::read_to_string(&part).unwrap();
    fs::write(&part, &text[..text.len() / 2]).unwrap();
    assert_eq!(measure_some(&plane, &asked, usize::MAX).0, 20);
}

#[test]
fn grids_without_cells_are_refused() {
    for (columns, rows, margin, name) in [
        (1, 5, 0.1, "grid.columns"),
        (5, 2000, 0.1, "grid.rows"),
        (5, 5, -0.1, "grid.margin"),
        (5, 5, f64::NAN, "grid.margin"),
    ] {
        let error = Grid::new(columns, rows, margin).unwrap_err();
        assert!(matches!(error, PlaneError::OutOfRange { name: found, .. } if found == name), "{error}");
    }
}
