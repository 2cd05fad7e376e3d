//! Text for a terminal of 80 columns: a map of numbers as tables.

use lookahead_report::heat_map::{self, HeatMap};
use lookahead_runs::{COLUMNS, wrapped};

/// A map as a table, or as several where its columns do not fit beside each other.
pub fn table(map: &HeatMap) -> String {
    let best = map.best();
    let cell = |row: usize, column: usize| {
        let text = heat_map::text(map.cells[row][column]);
        if best == Some((row, column)) { format!("[{text}]") } else { text }
    };
    let corner = format!("{} \\ {}", map.rows.0, map.columns.0);
    let names = Column::new([corner].into_iter().chain(map.rows.1.iter().cloned()).collect());
    let columns = map.columns.1.iter().enumerate().map(|(column, name)| {
        let cells = (0..map.cells.len()).map(|row| cell(row, column));
        Column::new([name.clone()].into_iter().chain(cells).collect())
    });
    let (mut blocks, mut block) = (Vec::new(), vec![names.clone()]);
    for column in columns {
        let width: usize = block.iter().map(|column| column.width + 1).sum();
        if block.len() > 1 && width + column.width > usize::from(COLUMNS) {
            blocks.push(std::mem::replace(&mut block, vec![names.clone()]));
        }
        block.push(column);
    }
    blocks.push(block);
    let title = wrapped(&format!("{}, the lowest in brackets", map.title), "", "");
    let blocks = blocks.iter().map(|block| in_lines(block)).collect::<Vec<_>>();
    format!("{title}\n\n{}", blocks.join("\n\n"))
}

/// Cells under each other, the first of them the heading.
#[derive(Clone)]
struct Column {
    cells: Vec<String>,
    width: usize,
}

impl Column {
    fn new(cells: Vec<String>) -> Self {
        let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        Self { cells, width }
    }
}

fn in_lines(block: &[Column]) -> String {
    let rows = block.first().map_or(0, |column| column.cells.len());
    let line = |row: usize| {
        let cells = block.iter().map(|column| format!("{:>width$}", column.cells[row], width = column.width));
        cells.collect::<Vec<_>>().join(" ")
    };
    (0..rows).map(line).collect::<Vec<_>>().join("\n")
}
