"""A game as a picture: a board for every move, the new mark and the winning line in colour."""

from xml.etree import ElementTree

from practicum.symbolic.board_picture import NEW, board_picture
from practicum.symbolic.tic_tac_toe import TicTacToe

SVG = "{http://www.w3.org/2000/svg}"


def game(*moves):
    positions = [TicTacToe()]
    for move in moves:
        positions.append(positions[-1].after(move))
    return positions


def test_every_move_is_a_board_with_one_new_mark():
    drawn = ElementTree.fromstring(board_picture(game(0, 3, 1, 4, 2), "X < O & wins"))
    marks = [text for text in drawn.iter(f"{SVG}text") if text.text in ("X", "O")]
    assert len(marks) == 1 + 2 + 3 + 4 + 5
    assert [mark.text for mark in marks if mark.get("fill") == NEW] == list("XOXOX")
    assert next(drawn.iter(f"{SVG}text")).text == "X < O & wins"


def test_only_a_won_board_has_a_line_through_it():
    drawn = ElementTree.fromstring(board_picture(game(0, 3, 1, 4, 2), ""))
    strokes = [path for path in drawn.iter(f"{SVG}path") if path.get("stroke") == NEW]
    assert len(strokes) == 1


def test_a_game_without_moves_is_an_empty_picture():
    assert "<svg" in board_picture(game(), "nothing yet")
