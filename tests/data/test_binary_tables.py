"""Parquet and Excel: every type taken or refused by name, within limits."""

import datetime
import io
import sys
import zipfile
from decimal import Decimal
from xml.sax.saxutils import escape

import pytest

from regard.data import iterate_rows, read_examples
from regard.data.binary_tables import check_arrow_type, parquet_rows
from regard.errors import DataError

NOW = datetime.datetime(2020, 1, 2, 3, 4, 5)


def arrow_types():
    """All Arrow types once, with a value of each and whether it is taken."""
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    plain = {
        "null": (pa.null(), None),
        "bool": (pa.bool_(), True),
        "string": (pa.string(), "a"),
        "large_string": (pa.large_string(), "a"),
        "string_view": (pa.string_view(), "a"),
        "half": (pa.float16(), 1.0),
        "float": (pa.float32(), 1.0),
        "double": (pa.float64(), 1.0),
        "dictionary": (pa.dictionary(pa.int8(), pa.string()), "a"),
        "run_end_encoded": (pa.run_end_encoded(pa.int32(), pa.string()), "a"),
        "list": (pa.list_(pa.int8()), [1]),
        "large_list": (pa.large_list(pa.int8()), [1]),
        "list_view": (pa.list_view(pa.int8()), [1]),
        "large_list_view": (pa.large_list_view(pa.int8()), [1]),
        "fixed_size_list": (pa.list_(pa.int8(), 1), [1]),
        "struct": (pa.struct({"a": pa.int8()}), {"a": 1}),
        "map": (pa.map_(pa.string(), pa.int8()), [("a", 1)]),
    }
    for sign in ("int", "uint"):
        for bits in (8, 16, 32, 64):
            plain[f"{sign}{bits}"] = (getattr(pa, f"{sign}{bits}")(), 1)
    other = {
        "binary": (pa.binary(), b"a"),
        "large_binary": (pa.large_binary(), b"a"),
        "binary_view": (pa.binary_view(), b"a"),
        "fixed_size_binary": (pa.binary(1), b"a"),
        "date32": (pa.date32(), NOW.date()),
        "date64": (pa.date64(), NOW.date()),
        "month_day_nano_interval": (pa.month_day_nano_interval(), (1, 2, 3)),
        "extension": (pa.uuid(), bytes(16)),
        "list of times": (pa.list_(pa.timestamp("ns")), [NOW]),
        "struct of times": (pa.struct({"a": pa.date32()}), {"a": NOW.date()}),
        "dense_union": (pa.dense_union([pa.field("a", pa.int8())]), None),
        "sparse_union": (pa.sparse_union([pa.field("a", pa.int8())]), None),
    }
    for bits in (32, 64, 128, 256):
        plain[f"decimal{bits}"] = (getattr(pa, f"decimal{bits}")(5, 1), Decimal("1.5"))
    for unit in ("s", "ms", "us", "ns"):
        other[f"timestamp {unit}"] = (pa.timestamp(unit), NOW)
        other[f"timestamp {unit} UTC"] = (pa.timestamp(unit, "UTC"), NOW)
        other[f"duration {unit}"] = (pa.duration(unit), datetime.timedelta(1))
        width = "time32" if unit in {"s", "ms"} else "time64"
        other[f"time {unit}"] = (getattr(pa, width)(unit), NOW.time())
    return plain, other


def test_each_arrow_type_is_taken_or_refused_by_name(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    plain, other = arrow_types()
    seen = {kind.id for kind, _ in (plain | other).values()}
    everything = {getattr(pa.lib, name) for name in dir(pa.lib) if "Type_" in name}
    # The other intervals are types of C++ alone.
    intervals = {pa.lib.Type_INTERVAL_MONTHS, pa.lib.Type_INTERVAL_DAY_TIME}
    assert {number for number in everything if isinstance(number, int)} - seen == (
        intervals
    )
    path = tmp_path / "types.parquet"
    for name, (kind, value) in (plain | other).items():
        if name not in plain:
            with pytest.raises(DataError) as refused:
                check_arrow_type("x.parquet: column 'a'", kind)
            assert f"values of the type {kind}" in str(refused.value)
        else:
            check_arrow_type("x.parquet: column 'a'", kind)
        try:
            column = pa.array([value], kind)
            parquet.write_table(pa.table({"a": column, "b": ["x"]}), path)
        except (pa.ArrowException, TypeError):
            continue  # Parquet has no such type.
        if name in plain:
            (row,) = parquet_rows(path, ["a"])
            assert row.values == (value,)
            continue
        with pytest.raises(DataError, match=r"column 'a' holds values of the type"):
            list(parquet_rows(path, ["a"]))
        # As a column beside, a time is passed on in its spelling.
        (row,) = parquet_rows(path, ["b"], whole=True)
        assert isinstance(row.row["a"], str) or value is None
        if "timestamp" in name:
            assert row.row["a"].startswith("2020-01-02 03:04:05")


def test_text_that_is_not_utf8_is_placed(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    raw = pa.array([b"a"] * 1_500 + [b"\xff"] + [b"b"], pa.binary())
    texts = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    path = tmp_path / "data.parquet"
    parquet.write_table(pa.table({"text": texts, "label": ["x"] * len(raw)}), path)
    with pytest.raises(DataError, match=r"row 1501: column 'text' .*not valid UTF-8"):
        read_examples(path)


def test_a_table_of_many_columns(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    path = tmp_path / "wide.parquet"
    parquet.write_table(
        pa.table({f"{'long' * 99} {n}": ["a"] for n in range(99)}), path
    )
    with pytest.raises(DataError, match="and 89 more") as caught:
        read_examples(path)
    assert len(str(caught.value)) < 2_000


def cell(value):
    if isinstance(value, str):
        return (
            f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
        )
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    return "<c/>" if value is None else f"<c><v>{value}</v></c>"


def workbook(rows, more=""):
    """The parts that a workbook must have, as Excel writes them."""
    space = "http://schemas.openxmlformats.org"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    main, types = f"{space}/spreadsheetml/2006/main", "application/vnd.openxmlformats"
    links = f"{space}/officeDocument/2006/relationships"
    packaged = f"{space}/package/2006"
    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows) + more
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{packaged}/content-types"><Default '
        'Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{types}-officedocument.'
        'spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" '
        f'ContentType="{types}-officedocument.spreadsheetml.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{packaged}/relationships"><Relationship '
        f'Id="r1" Type="{links}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{links}"><sheets><sheet '
        'name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packaged}/'
        f'relationships"><Relationship Id="r1" Type="{links}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}'
        "</sheetData></worksheet>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, head + content)
    return buffer.getvalue()


def test_excel(tmp_path):
    pytest.importorskip("openpyxl", reason="Excel needs openpyxl")
    path = tmp_path / "data.xlsx"
    rows = [("id", "text", "label"), (1, "é\n b ", 5), (2.5, "c", True), (3, "", "x")]
    path.write_bytes(workbook(rows))
    assert list(iterate_rows(path, ["text", "label", "id"])) == [
        ("é\n b ", "5", "1"),
        ("c", "TRUE", "2.5"),
        ("", "x", "3"),
    ]
    path.write_bytes(workbook(rows[1:]))
    assert list(iterate_rows(path, ["2"], header=False)) == [("é\n b ",), ("c",), ("",)]
    with pytest.raises(DataError, match=r"row 1: there is no column 'text'"):
        list(iterate_rows(path, ["text"]))
    for empty in ([], rows[:1]):
        path.write_bytes(workbook(empty))
        with pytest.raises(DataError, match=r"first sheet .* has no rows"):
            list(iterate_rows(path, ["text"]))


@pytest.mark.parametrize("row", [2**20, 10**13])
def test_a_cell_in_the_last_corner_is_met_as_it_streams_by(tmp_path, row):
    """A table of all cells that could be takes half a terabyte; the process ended."""
    pytest.importorskip("openpyxl", reason="Excel needs openpyxl")
    path = tmp_path / "far.xlsx"
    far = f'<row r="{row}"><c r="XFD{row}"><v>1</v></c></row>'
    path.write_bytes(workbook([("text",), ("a",)], far))
    read = list(iterate_rows(path, ["text"]))
    assert read == [("a",), ("",)][: 2 if row == 2**20 else 1]


def test_excel_that_is_none(tmp_path, monkeypatch):
    pytest.importorskip("openpyxl", reason="Excel needs openpyxl")
    from regard.data import binary_tables

    whole = workbook([("text",), ("a",)])
    path = tmp_path / "data.xlsx"
    no_sheet = io.BytesIO()
    with zipfile.ZipFile(no_sheet, "w") as packed:
        packed.writestr("xl/workbook.xml", "<workbook/>")
    for content in (b"", b"text,label\na,x\n", whole[:-50], no_sheet.getvalue()):
        path.write_bytes(content)
        with pytest.raises(DataError, match="cannot be read as an Excel workbook"):
            list(iterate_rows(path, ["text"]))
    path.write_bytes(whole)
    monkeypatch.setattr(binary_tables, "_MOST_UNPACKED", 500)
    with pytest.raises(DataError, match="unpacks to more than"):
        list(iterate_rows(path, ["text"]))


def test_excel_without_its_package_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    path = tmp_path / "data.xlsx"
    path.write_bytes(b"")
    with pytest.raises(ImportError, match=r'pip install "regard\[excel\]"'):
        read_examples(path)
