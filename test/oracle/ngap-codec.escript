#!/usr/bin/env escript
%% Reads messages of NGAP with the codec that Erlang's compiler has made of the grammar: `ngap-codec.escript FOLDER`,
%% with a message a line on stdin, in hexadecimal. Prints for each what it has read and what it writes again, or the
%% error.

main([Folder]) ->
    code:add_patha(Folder),
    lines(io:get_line("")).

lines(eof) -> ok;
lines(Line) ->
    Bytes = binary:decode_hex(list_to_binary(string:trim(Line))),
    case 'NGAP':decode('NGAP-PDU', Bytes) of
        {ok, Message} ->
            {ok, Written} = 'NGAP':encode('NGAP-PDU', Message),
            io:format("~w\t~s~n", [Message, string:lowercase(binary:encode_hex(Written))]);
        {error, Reason} -> io:format("error ~w\t~n", [Reason])
    end,
    lines(io:get_line("")).
