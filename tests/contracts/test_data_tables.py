"""Tables: what a schema learns, encoding and back again, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch

from gannets.data import Table, TableSchema, read_table
from gannets.data.schema import OTHER, Category, Number
from gannets.errors import InputError, RunWarning

CPU = torch.device("cpu")
Shared = Callable[[str], Path]


def mixed() -> pandas.DataFrame:
    return pandas.DataFrame(
        {
            "price": [1.25, 3.5, np.nan, 2.75],
            "rooms": [3, 5, 1_000_003, 4],
            "kind": ["flat", None, "house", "flat"],
            "sold": [True, False, True, True],
            "flag": [0, 1, 1, 0],
        }
    )


def test_each_column_is_encoded_as_its_kind_says() -> None:
    schema = TableSchema.fit(mixed())
    assert [type(column) for column in schema.columns] == [Number, Number, *[Category] * 3]
    x = schema.encode(mixed())
    assert x.shape == (4, schema.width) == (4, 2 + 1 + 3 + 2 + 2)
    assert x.dtype == torch.float32
    price = np.array([1.25, 3.5, 2.75])
    z = (price - price.mean()) / price.std()
    np.testing.assert_allclose(x[:, 0], [z[0], z[1], 0, z[2]], rtol=0, atol=1e-6)
    assert x[:, 1].tolist() == [0, 0, 1, 0]  # a missing price stands at the mean
    # flat, house, missing
    assert x[:, schema.slices()["kind"]].tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert x[:, schema.slices()["sold"]].tolist() == [[0, 1], [1, 0], [0, 1], [0, 1]]
    assert x[:, schema.slices()["flag"]].tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]


def test_decoding_is_the_inverse() -> None:
    schema = TableSchema.fit(mixed())
    back = schema.decode(schema.encode(mixed()))
    assert back.dtypes[["price", "rooms", "sold", "flag"]].astype(str).tolist() == [
        "float64",
        "int64",
        "bool",
        "int64",
    ]
    pandas.testing.assert_frame_equal(back.astype(mixed().dtypes.to_dict()), mixed())
    # Any row decodes to valid values: the nearest category, whole rooms.
    noise = schema.decode(torch.randn(50, schema.width))
    assert set(noise["kind"].dropna()) <= {"flat", "house"}
    assert noise["rooms"].dtype == np.int64
    assert torch.isfinite(schema.encode(noise)).all()


def test_columns_are_found_by_name() -> None:
    frame = mixed()
    schema = TableSchema.fit(frame)
    assert torch.equal(schema.encode(frame[frame.columns[::-1]]), schema.encode(frame))
    with pytest.raises(InputError, match="no column 'price'"):
        schema.encode(frame.drop(columns="price"))


def test_a_schema_is_known_by_its_fingerprint() -> None:
    one, again = TableSchema.fit(mixed()), TableSchema.fit(mixed().iloc[::-1])
    assert one == again
    assert one.fingerprint == again.fingerprint
    other = TableSchema.fit(mixed().assign(price=[1.25, 3.5, np.nan, 2.7500001]))
    assert other.fingerprint != one.fingerprint


def test_a_constant_column_is_zero_and_comes_back() -> None:
    frame = pandas.DataFrame({"x": [0.1] * 3, "y": [1e9 + 1] * 3, "z": ["a"] * 3})
    schema = TableSchema.fit(frame)
    assert schema.encode(frame)[:, :2].tolist() == [[0, 0]] * 3
    pandas.testing.assert_frame_equal(
        schema.decode(schema.encode(frame)).astype(frame.dtypes.to_dict()), frame
    )


def test_names_and_free_text_keep_the_most_common(tmp_path: Path) -> None:
    texts = [f"person {i}" for i in range(1500)] + ["person 7"] * 10 + [None] * 2
    pandas.DataFrame({"name": texts, "x": np.arange(len(texts)) / 10}).to_csv(
        tmp_path / "a.csv", index=False
    )
    table = Table(str(tmp_path / "a.csv"))
    with pytest.warns(RunWarning, match=r"'name' has 1,500 different values.*100 most common"):
        source = table.load(seed=0, device=CPU)
    assert source.shape == (1 + 100 + 1 + 1,)
    schema = table.schema()
    back = schema.decode(schema.encode(table.frame()))["name"]
    assert back.iloc[7] == "person 7"
    assert (back == OTHER).sum() == 1400
    assert back.isna().sum() == 2
    # "(other)" is a category like any other.
    again = schema.decode(schema.encode(table.frame().assign(name=back)))["name"]
    assert again.equals(back)


def test_what_the_schema_never_saw_is_refused() -> None:
    schema = TableSchema.fit(mixed())
    for change, why in [
        ({"kind": ["flat", "castle", "flat", "flat"]}, "'kind' holds 'castle' (row 1)"),
        ({"sold": [True, None, True, True]}, "'sold' holds missing values (row 1)"),
        ({"rooms": [1, np.nan, 2, 3]}, "'rooms' has 1 missing values"),
        ({"rooms": ["1", "two", "3", "4"]}, "'rooms' holds what is no number"),
        ({"price": [1.0, np.inf, 2, 3]}, "'price' holds infinity (row 1)"),
    ]:
        with pytest.raises(InputError, match=re.escape(why)):
            schema.encode(mixed().assign(**change))
    with pytest.raises(InputError, match="Rows of 3 numbers are no encoding"):
        schema.decode(torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        pytest.param({"x": [np.nan, np.nan]}, "holds no value: drop it", id="empty column"),
        pytest.param({"x": [1.0, np.inf]}, "holds infinity (row 1)", id="infinity"),
        pytest.param({"x": [1j, 2j]}, "complex128 values", id="complex"),
        pytest.param({"x": pandas.to_datetime(["2020-01-01"])}, "turn them into", id="dates"),
        pytest.param({"x": []}, "has 0 rows", id="no rows"),
        pytest.param({"x": [-1e308, 1e308]}, "rescale it", id="span"),
    ],
)
def test_columns_that_are_none_are_refused(frame: dict[str, object], why: str) -> None:
    with pytest.raises(InputError, match=re.escape(why)):
        TableSchema.fit(pandas.DataFrame(frame))


def test_columns_may_be_said_to_be_categories() -> None:
    frame = pandas.DataFrame({"zip": [8001, 8002, 8050], "x": [1.5, 2.5, 1.5]})
    schema = TableSchema.fit(frame, categories=("zip", "x"))
    assert schema.width == 3 + 2
    assert schema.decode(schema.encode(frame))["zip"].tolist() == [8001, 8002, 8050]
    with pytest.raises(InputError, match="no column 'zap' to be categorical"):
        TableSchema.fit(frame, categories=("zap",))


def test_rows_are_encoded_alike_in_every_split(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"x": np.arange(10.0), "k": list("aaaaaaaabc")})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.iloc[:3].to_csv(tmp_path / "b.csv", index=False)
    table = Table(str(tmp_path / "a.csv"), split="train[:80%]", test=str(tmp_path / "b.csv"))
    whole = TableSchema.fit(frame).encode(frame)
    for split, rows in (("train", slice(0, 8)), ("validation", slice(8, 10)), ("test", slice(3))):
        value = table.on(split)
        assert torch.equal(value.load(seed=0, device=CPU).all()[0], whole[rows])
        pandas.testing.assert_frame_equal(
            value.frame(), frame.iloc[rows].reset_index(drop=True), check_dtype=False
        )
    with pytest.raises(InputError, match="has no test part"):
        Table(str(tmp_path / "a.csv"), split="test").load(seed=0, device=CPU)


# ---- files


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "no table that can be read", id="empty"),
        pytest.param("a,b\n", "0 rows and 2 columns", id="header alone"),
        pytest.param("1,2\n3,4\n", "holds numbers (1, 2), no names", id="no header"),
        pytest.param("a;b\n1;2\n", "separated by semicolons", id="semicolons"),
        pytest.param("a\tb\n1\t2\n", "name it .tsv", id="tabs"),
        pytest.param("a,b\n1,2\n1,2,3,4\n", "has 4 cells, the header has 2", id="ragged"),
        pytest.param("a,b,c\n1,2,3\n4,5\n", "has 2 cells, the header has 3", id="short row"),
        pytest.param("a,b\n1,2,3\n4,5,6\n", "has 3 cells, the header has 2", id="short header"),
        pytest.param('a,b\n1,"2\n', "no table that can be read", id="open quote"),
        pytest.param("a,b\n1,\xff\xfe\n", "no table that can be read", id="not UTF-8"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=re.escape(why)) as refused:
        read_table(tmp_path / "a.csv")
    assert "a.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files_are_read_as_they_are_meant(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes('\ufeffa,b\r\n1,"x, y"\r\n?,\r\n'.encode())
    frame = read_table(tmp_path / "a.csv")
    assert list(frame.columns) == ["a", "b"]
    assert frame["b"].iloc[0] == "x, y"
    assert frame.isna().sum().tolist() == [1, 1]
    (tmp_path / "a.tsv").write_text("a\tb\n1\tx\n")
    assert read_table(tmp_path / "a.tsv").shape == (1, 2)
    for name, why in [("none.csv", "No such file"), ("a.txt", "is no table")]:
        with pytest.raises(InputError, match=why):
            read_table(tmp_path / name)


def test_parquet_needs_its_extra(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        path.touch()
        with pytest.raises(InputError, match=re.escape("pip install 'gannets[parquet]'")):
            read_table(path)
    else:
        mixed().to_parquet(path)
        assert TableSchema.fit(read_table(path)) == TableSchema.fit(mixed())


# ---- the shared tables


@pytest.mark.parametrize(
    ("name", "shape", "width"),
    [
        # 6 numbers; 8 categories of 9 + 16 + 7 + 15 + 6 + 5 + 2 + 42 with the missing ones, and 2.
        ("adult_train", (32561, 15), 6 + 102 + 2),
        ("california_housing", (20640, 10), 9 + 1 + 5),
        ("diamonds", (53940, 10), 7 + 5 + 7 + 8),
    ],
)
def test_real_tables_go_there_and_back(
    name: str, shape: tuple[int, int], width: int, shared_data: Shared
) -> None:
    table = Table(str(shared_data("tables") / f"{name}.csv"))
    frame, schema = table.frame(), table.schema()
    assert frame.shape == shape
    x = table.load(seed=0, device=CPU).all()[0]
    assert x.shape == (shape[0], width)
    numeric = [
        s.start
        for c, s in zip(schema.columns, schema.slices().values(), strict=True)
        if isinstance(c, Number)
    ]
    assert x[:, numeric].double().mean(0).abs().max() < 1e-4  # float32, up to 53,940 rows
    pandas.testing.assert_frame_equal(schema.decode(x).astype(frame.dtypes.to_dict()), frame)


def test_adult_misses_as_many_rows_as_stated(shared_data: Shared) -> None:
    folder = shared_data("tables")
    table = Table(str(folder / "adult_train.csv"), test=str(folder / "adult_test.csv"))
    assert int(table.frame().isna().any(axis=1).sum()) == 2399
    assert int(table.on("test").frame().isna().any(axis=1).sum()) == 1221
    assert len(table.on("test").load(seed=0, device=CPU)) == 16281
